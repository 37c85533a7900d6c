//! Against real servers: start, reuse, crash, competition.

#[cfg(test)]
mod server;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Barrier;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid, getsid};
use oddish_private_postgres::{Error, Options, PrivatePostgres};

use server::{Home, connect, postmaster, server_account, text, wait_until_refused};

#[test]
fn a_new_folder_gets_a_server_with_the_database() {
    let home = Home::new();
    let server = home.start();
    assert_eq!(text(&server.url(), "select current_database() || ' ' || current_user"), "oddish oddish");
    assert_eq!(text(&server.url(), "show server_encoding"), "UTF8");
    assert_eq!(text(&server.url(), "show fsync"), "on");
    assert_eq!(text(&server.url(), "show listen_addresses"), "127.0.0.1");
    assert!(server.data_dir().starts_with(home.folder()));
}

#[test]
fn a_schema_of_the_owners_name_is_not_searched() {
    let home = Home::new();
    let server = home.start();
    text(&server.url(), "create schema oddish; create table oddish.hidden (); select 'made'");
    assert_eq!(text(&server.url(), "select to_regclass('oddish.hidden')::text"), "oddish.hidden");
}

#[test]
fn only_the_password_in_the_folder_opens_it() {
    let home = Home::new();
    let server = home.start();
    let file = home.folder().join("password");
    let password = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(home.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    let refusal = connect(&server.url().replace(&password, "another")).unwrap_err();
    assert!(refusal.to_string().contains("password authentication failed"), "{refusal}");
}

#[test]
fn a_throw_away_server_takes_the_connections_asked_for() {
    let home = Home::new();
    let options = Options { durable: false, max_connections: 300, ..Options::new(home.folder()) };
    let server = PrivatePostgres::start(&options).unwrap();
    assert_eq!(text(&server.url(), "show fsync"), "off");
    assert_eq!(text(&server.url(), "show max_connections"), "300");
}

#[test]
fn a_running_server_is_found_again() {
    let home = Home::new();
    assert!(PrivatePostgres::running(&home.folder()).unwrap().is_none());
    let first = home.start();
    let process = postmaster(&first);
    let again = home.start();
    assert_eq!((again.url(), postmaster(&again)), (first.url(), process));
    assert_eq!(PrivatePostgres::running(&home.folder()).unwrap().unwrap().url(), first.url());
}

#[test]
fn the_server_is_out_of_reach_of_our_terminal() {
    let home = Home::new();
    let session = getsid(Some(postmaster(&home.start()))).unwrap();
    assert_ne!(session, getsid(None).unwrap());
}

#[test]
fn a_stopped_server_starts_again_with_its_data_at_the_same_url() {
    let home = Home::new();
    let server = home.start();
    let url = server.url();
    text(&url, "create table kept as select 'here' as word; select 'made'");
    server.stop().unwrap();
    assert!(connect(&url).is_err(), "the server still answers");
    let server = home.start();
    assert_eq!(server.url(), url);
    assert_eq!(text(&url, "select word from kept"), "here");
}

#[test]
fn a_killed_server_starts_again_with_its_data() {
    let home = Home::new();
    let server = home.start();
    text(&server.url(), "create table kept as select 'here' as word; select 'made'");
    let process = postmaster(&server);
    kill(process, Signal::SIGKILL).unwrap();
    wait_until_refused(&server.url());
    let server = home.start();
    assert_ne!(postmaster(&server), process);
    assert_eq!(text(&server.url(), "select word from kept"), "here");
}

#[test]
fn the_process_number_of_a_dead_server_may_be_somebody_elses() {
    let home = Home::new();
    let server = home.start();
    let data = server.data_dir();
    let pid_file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    server.stop().unwrap();

    // Postgres itself is misled only by a process of its own account.
    let mut sleep = Command::new("sleep");
    if let Some(account) = server_account() {
        sleep.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    let mut other = sleep.arg("600").spawn().unwrap();
    let (_, rest) = pid_file.split_once('\n').unwrap();
    std::fs::write(data.join("postmaster.pid"), format!("{}\n{rest}", other.id())).unwrap();
    if let Some(account) = server_account() {
        chown(data.join("postmaster.pid"), Some(account.uid.as_raw()), Some(account.gid.as_raw())).unwrap();
    }

    let started = PrivatePostgres::start(&Options::new(home.folder()));
    kill(Pid::from_raw(other.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
    other.wait().unwrap();
    assert_eq!(text(&started.unwrap().url(), "select 'up'"), "up");
}

#[test]
fn starts_at_the_same_time_end_with_one_server() {
    let home = Home::new();
    let together = Barrier::new(4);
    let found = std::thread::scope(|scope| {
        let start = || {
            together.wait();
            let server = home.start();
            (server.url(), postmaster(&server))
        };
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(found.iter().all(|server| *server == found[0]), "{found:?}");
    assert_eq!(text(&found[0].0, "select 'up'"), "up");
}

#[test]
fn an_initialisation_that_was_cut_off_begins_anew() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder().join("data.unfinished/base")).unwrap();
    std::fs::write(home.folder().join("lock"), "").unwrap();
    assert_eq!(text(&home.start().url(), "select 'up'"), "up");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder()).unwrap();
    std::fs::write(home.folder().join("letter.txt"), "dear").unwrap();
    let error = PrivatePostgres::start(&Options::new(home.folder())).unwrap_err();
    assert!(matches!(&error, Error::Occupied(folder) if *folder == home.folder()), "{error}");
}

#[test]
fn a_folder_that_others_may_write_to_is_not_used() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder()).unwrap();
    for mode in [0o777, 0o770, 0o1777] {
        std::fs::set_permissions(home.folder(), Permissions::from_mode(mode)).unwrap();
        let error = PrivatePostgres::start(&Options::new(home.folder())).unwrap_err();
        assert!(matches!(&error, Error::OfOthers(folder) if *folder == home.folder()), "{mode:o}: {error}");
    }
}

#[test]
fn data_of_another_version_is_refused_by_name() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder().join("data")).unwrap();
    std::fs::write(home.folder().join("lock"), "").unwrap();
    std::fs::write(home.folder().join("data/PG_VERSION"), "9\n").unwrap();
    let error = PrivatePostgres::start(&Options::new(home.folder())).unwrap_err();
    assert!(matches!(&error, Error::OtherVersion { wanted: 9, .. }), "{error}");
}

/// As root the server runs under another account; otherwise a folder of our own is always in reach.
#[test]
fn a_folder_that_the_server_cannot_reach_is_named() {
    let home = Home::with_mode(0o700);
    let outcome = PrivatePostgres::start(&Options::new(home.folder()));
    if geteuid().is_root() {
        let error = outcome.unwrap_err();
        assert!(matches!(&error, Error::OutOfReach { folder, .. } if folder == home.path()), "{error}");
    } else {
        assert_eq!(text(&outcome.unwrap().url(), "select 'up'"), "up");
    }
}
