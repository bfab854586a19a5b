//! A table of the options of one backend, and what is made from it.

use super::Setting;
use super::value::Values;
use crate::failure::{Exit, Failure};
use quadrille::OpenMode;
use std::fmt::Write;

/// The options of one backend, whose settings are an `O`.
pub(super) struct Table<O: 'static> {
    /// The backend, as locations name it.
    pub(super) backend: &'static str,
    pub(super) options: &'static [Named<O>],
}

/// One option.
pub(super) struct Named<O> {
    /// The name that the library gives it.
    pub(super) name: &'static str,
    pub(super) values: Values,
    /// What it is for, in a few words.
    pub(super) about: &'static str,
    /// Whether it matters also to a command that only reads.
    pub(super) reading: bool,
    /// Sets it; `None` for a text that is no value of it.
    pub(super) set: fn(O, &str) -> Option<O>,
}

impl<O> Table<O> {
    /// What `--help` says of the backend: a line an option.
    pub(super) fn help(&self) -> String {
        let mut text = format!("{}:", self.backend);
        for option in self.options {
            let star = if option.reading { "" } else { " *" };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n  {}={}{star}: {}",
                option.name, option.values.form, option.about
            );
        }
        text
    }

    fn find(&self, name: &str) -> Result<&Named<O>, Failure> {
        let found = self.options.iter().find(|option| option.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.options.iter().map(|option| option.name).collect();
            wrong(format!(
                "the backend {} has no option `{name}`; it has {}",
                self.backend,
                names.join(", ")
            ))
        })
    }
}

/// Sets all that was typed, one after the other.
pub(super) fn set_all<O: Clone>(
    table: &Table<O>,
    settings: &[Setting],
    mode: OpenMode,
    options: O,
) -> Result<O, Failure> {
    settings.iter().try_fold(options, |options, setting| {
        let option = table.find(&setting.name)?;
        if mode == OpenMode::ReadOnly && !option.reading {
            let message = "has no effect here: this command only reads";
            return Err(wrong(format!(
                "the backend option `{}` {message}",
                option.name
            )));
        }
        (option.set)(options, &setting.value).ok_or_else(|| {
            wrong(format!(
                "`{}` is no value of the backend option `{}`, which is {}",
                setting.value, option.name, option.values.words
            ))
        })
    })
}

fn wrong(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sets each option of a table to the value given for it, and to none of its values.
    pub(in super::super) fn every_option_takes<O: Clone>(
        table: &Table<O>,
        values: &[(&str, &str)],
        new: fn() -> O,
    ) {
        let names = table.options.iter().map(|option| option.name);
        assert!(
            names.eq(values.iter().map(|value| value.0)),
            "a value for each"
        );
        for (name, value) in values {
            let option = table.options.iter().find(|option| option.name == *name);
            let set = option.expect("listed").set;
            assert!(set(new(), value).is_some(), "{name}={value}");
            for wrong in ["", "lots", "-1", "1x"] {
                assert!(set(new(), wrong).is_none(), "{name}={wrong}");
            }
        }
    }
}
