//! Periods and amounts as a watch shows them.

/// A period for a person: `45 s`, `12 min`, `1 h 05 min`, `2 d 03 h`.
pub(in crate::watching) fn period(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// A clock that runs: `0:07`, `12:31`, `1:05:09`.
pub(in crate::watching) fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{rest:02}") } else { format!("{hours}:{minutes:02}:{rest:02}") }
}

/// US dollars.
pub(in crate::watching) fn money(dollars: f64) -> String {
    format!("${dollars:.2}")
}

#[cfg(test)]
mod tests {
    use super::{clock, period};

    #[test]
    fn periods_are_told_in_two_units_at_the_most() {
        let told = [-5, 0, 59, 60, 3599, 3600, 3900, 86399, 86400, 180_000].map(period);
        let expected = [
            "0 s",
            "0 s",
            "59 s",
            "1 min",
            "59 min",
            "1 h 00 min",
            "1 h 05 min",
            "23 h 59 min",
            "1 d 00 h",
            "2 d 02 h",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn clocks_have_hours_only_where_there_are_some() {
        assert_eq!([-1, 7, 751, 3909].map(clock), ["0:00", "0:07", "12:31", "1:05:09"]);
    }
}
