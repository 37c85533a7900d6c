//! All attacks, in the order in which they are begun.

use anyhow::{Result, bail};

use super::definition::Attack;
use super::{
    arguments, browsers, compose, connections, downloads, folders, leavings, links, pipes, rewards, secret_keys,
    secrets, trees,
};

/// Those that take longest come first, so that the others run beside them.
pub(super) fn attacks() -> Vec<Attack> {
    let groups = [
        trees::attacks(),
        pipes::attacks(),
        connections::attacks(),
        rewards::attacks(),
        leavings::attacks(),
        links::attacks(),
        secrets::attacks(),
        arguments::attacks(),
        downloads::attacks(),
        folders::attacks(),
        secret_keys::attacks(),
        browsers::attacks(),
        compose::attacks(),
    ];
    groups.into_iter().flatten().collect()
}

/// Those of these names, or whose name begins so; all, or the quick ones, where none is named.
pub(super) fn chosen(names: &[String], quick: bool) -> Result<Vec<Attack>> {
    let mut attacks = attacks();
    if let Some(unknown) = names.iter().find(|name| !attacks.iter().any(|attack| attack.name.starts_with(*name))) {
        bail!("there is no attack {unknown}; `cargo xtask attack --list` lists them all");
    }
    attacks.retain(|attack| {
        let named = names.is_empty() || names.iter().any(|name| attack.name.starts_with(name));
        named && (attack.quick || !quick)
    });
    Ok(attacks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_tell_attacks_apart_and_fit_on_a_command_line() {
        let attacks = attacks();
        let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name.as_str()).collect();
        assert_eq!(names.len(), attacks.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        }
    }

    #[test]
    fn attacks_are_chosen_by_name_by_its_beginning_and_by_speed() {
        let names = |chosen: Vec<Attack>| chosen.into_iter().map(|attack| attack.name).collect::<Vec<_>>();
        assert_eq!(names(chosen(&["chmod-link".to_owned()], false).unwrap()), ["chmod-link"]);
        assert!(names(chosen(&["compose-".to_owned()], false).unwrap()).len() > 20);
        assert!(chosen(&[], true).unwrap().iter().all(|attack| attack.quick));
        assert!(chosen(&["no-such-attack".to_owned()], false).is_err());
    }
}
