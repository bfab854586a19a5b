//! Days of the proleptic Gregorian calendar as numbers, and back. Year 0 exists, as in XML Schema 1.1.

/// Days in four centuries, the period of the calendar.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// A year, a month (1 to 12) and a day (1 to 31).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CivilDate {
    pub(super) year: i64,
    pub(super) month: u64,
    pub(super) day: u64,
}

impl CivilDate {
    /// Whether the month and the day exist.
    pub(super) fn is_valid(self) -> bool {
        let length = match self.month {
            2 if self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return false,
        };
        (1..=length).contains(&self.day)
    }

    /// Days since 1970-01-01.
    pub(super) fn days(self) -> i64 {
        // Years are counted from March, which puts the leap day last.
        let shifted_month = (self.month as i64 + 9) % 12;
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day as i64 - 1;
        era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - EPOCH
    }

    /// The date of a number of days since 1970-01-01, within a million years.
    pub(super) fn from_days(days: i64) -> Self {
        let days = days + EPOCH;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524
            - day_of_era / (DAYS_PER_ERA - 1))
            / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = (shifted_month + 2) % 12 + 1;
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month: month as u64,
            day: day as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CivilDate;

    #[test]
    fn every_day_of_twenty_thousand_years_comes_back() {
        let mut previous = CivilDate::from_days(-4_371_600);
        for days in -4_371_599..2_932_900 {
            let date = CivilDate::from_days(days);
            assert!(date.is_valid(), "{date:?}");
            assert_eq!(date.days(), days);
            assert!(
                (previous.year, previous.month, previous.day) < (date.year, date.month, date.day)
            );
            previous = date;
        }
        assert_eq!(
            CivilDate {
                year: 1970,
                month: 1,
                day: 1
            }
            .days(),
            0
        );
        assert_eq!(
            CivilDate {
                year: 2000,
                month: 2,
                day: 29
            }
            .days(),
            11_016
        );
    }
}
