//! What [`Guard`](super::guard::Guard) looks for in XML: depth, size, and entities that unfold into ever longer text.
//!
//! It takes XML apart exactly as `quick-xml` does, which the parser rests on: what that crate takes for a tag is one
//! here, whatever a stricter reading would say.

use super::guard::{DEPTH_MAX, GATHERED_BYTES_MAX, Scan, too_deep, too_large};

/// The most references to entities within the declarations of others. Each may make its entity longer by all others.
const NESTED_ENTITIES_MAX: u32 = 16;

/// Follows the tags of an XML text.
#[derive(Default)]
pub(super) struct Scanner {
    depth: usize,
    state: State,
    gathered_bytes: u64,
    document_type_bytes: u64,
    /// The references to entities in the document type.
    nested_entities: u32,
    previous: u8,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Text,
    /// After `<`.
    Open,
    /// In a start tag; the quotation mark that is open.
    Start(Option<u8>),
    /// In an end tag.
    End,
    /// In `<?…?>`.
    Instruction,
    /// After `<!`.
    Bang,
    /// After `<!-`, and in a comment, with the number of bytes since `<!-`, and of dashes just before.
    Comment(u64, u8),
    /// In `<![CDATA[…]]>`, with the number of closing brackets just before.
    Data(u8),
    /// In `<!…>`, with the number of `<` in it that are open.
    Declaration(u32),
}

impl Scan for Scanner {
    fn scan(&mut self, byte: u8) -> Result<(), String> {
        self.gathered_bytes += 1;
        self.state = match (self.state, byte) {
            (State::Text, b'<') => State::Open,
            (State::Text, _) => State::Text,
            (State::Open, b'/') => State::End,
            (State::Open, b'?') => State::Instruction,
            (State::Open, b'!') => State::Bang,
            (State::Open | State::Start(None), b'>') => self.start_ends()?,
            (State::Open, _) => State::Start(Some(byte).filter(is_quotation_mark)),
            (State::Start(None), _) => State::Start(Some(byte).filter(is_quotation_mark)),
            (State::Start(Some(mark)), _) => State::Start(Some(mark).filter(|mark| *mark != byte)),
            (State::End, b'>') => self.element_ends(),
            (State::End, _) => State::End,
            (State::Instruction, b'>') if self.previous == b'?' => State::Text,
            (State::Instruction, _) => State::Instruction,
            (State::Bang, b'-') => State::Comment(0, 0),
            (State::Bang, b'[') => State::Data(0),
            (State::Bang, _) => State::Declaration(0),
            // `<!-->` and `<!--->` are not at their end: the dashes that open do not close.
            (State::Comment(3.., 2..), b'>') => State::Text,
            (State::Comment(bytes, dashes), b'-') => {
                State::Comment(bytes + 1, if bytes == 0 { 0 } else { dashes.min(1) + 1 })
            }
            (State::Comment(bytes, _), _) => State::Comment(bytes + 1, 0),
            (State::Data(2..), b'>') => State::Text,
            (State::Data(brackets), b']') => State::Data(brackets.min(1) + 1),
            (State::Data(_), _) => State::Data(0),
            (State::Declaration(0), b'>') => State::Text,
            (State::Declaration(open), _) => self.declaration(open, byte)?,
        };
        if byte == b'&' && matches!(self.state, State::Text | State::Start(_)) {
            // What it stands for is at most as long as all declarations, unfolded.
            self.gathered_bytes += self.document_type_bytes << self.nested_entities;
        }
        self.previous = byte;
        match self.gathered_bytes > GATHERED_BYTES_MAX {
            true => Err(too_large("an element")),
            false => Ok(()),
        }
    }
}

impl Scanner {
    fn start_ends(&mut self) -> Result<State, String> {
        if self.previous == b'/' {
            self.forget_what_is_done();
            return Ok(State::Text);
        }
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(too_deep("elements")),
            false => Ok(State::Text),
        }
    }

    fn element_ends(&mut self) -> State {
        self.depth = self.depth.saturating_sub(1);
        self.forget_what_is_done();
        State::Text
    }

    /// An element below the outermost one has ended.
    fn forget_what_is_done(&mut self) {
        if self.depth <= 1 {
            self.gathered_bytes = 0;
        }
    }

    fn declaration(&mut self, open: u32, byte: u8) -> Result<State, String> {
        self.document_type_bytes += 1;
        if self.previous == b'&' && byte != b'#' {
            self.nested_entities += 1;
            if self.nested_entities > NESTED_ENTITIES_MAX {
                return Err(format!(
                    "the declarations of entities refer to others more than {NESTED_ENTITIES_MAX} times"
                ));
            }
        }
        Ok(State::Declaration(match byte {
            b'<' => open.saturating_add(1),
            b'>' => open.saturating_sub(1),
            _ => open,
        }))
    }
}

fn is_quotation_mark(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\'')
}
