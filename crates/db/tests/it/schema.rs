//! Migrations: which databases they accept, that they leave a user's own tables alone, and that `docs/schema.md` describes their result.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use oddish_db::Db;
use oddish_db::schema::{self, MigrateError};
use oddish_test_support::scene::Scene;
use oddish_test_support::with_database;

/// Longer than Postgres takes to end a session.
const PATIENCE: Duration = Duration::from_secs(20);

#[with_database(empty)]
async fn a_users_own_tables_and_migrations_are_left_alone(db: Db) {
    let own =
        "create table tasks (x int); create table _sqlx_migrations (version bigint); insert into tasks values (1)";
    sqlx::raw_sql(own).execute(&db).await.unwrap();
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| !migration.applied));
    schema::migrate(&db).await.unwrap();
    schema::migrate(&db).await.unwrap();
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| migration.applied));
    let scene = Scene::new(db);
    scene.task(1, "a/one").await;
    schema::purge(&scene.db).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.tasks").await, 0);
    assert!(
        schema::status(&scene.db).await.unwrap().iter().all(|migration| migration.applied),
        "purge keeps the record"
    );
    scene.task(1, "a/one").await;
    schema::reset(&scene.db).await.unwrap();
    assert_eq!(scene.count("select count(*) from oddish.trials").await, 0);
    assert_eq!(scene.count("select count(*) from public.tasks").await, 1);
    assert_eq!(scene.count("select count(*) from public._sqlx_migrations").await, 0);
}

#[with_database(empty)]
async fn servers_that_start_at_once_migrate_once(db: Db) {
    let (first, second) = tokio::join!(schema::migrate(&db), schema::migrate(&db));
    first.unwrap();
    second.unwrap();
}

#[with_database]
async fn a_database_from_before_the_baseline_is_refused_until_it_is_reset(db: Db) {
    sqlx::raw_sql("update oddish.schema_migrations set description = 'initial'").execute(&db).await.unwrap();
    let error = schema::migrate(&db).await.unwrap_err();
    assert!(matches!(&error, MigrateError::BeforeBaseline { found } if found == "initial"), "{error:?}");
    assert!(error.to_string().contains("run `oddish-server db reset`, which deletes everything"), "{error}");
    let status = schema::status(&db).await.unwrap();
    let old = status.iter().find(|migration| migration.description == "initial").unwrap();
    assert!(old.applied && !old.known, "{status:?}");
    assert!(status.iter().all(|migration| migration.known != migration.applied), "{status:?}");

    schema::reset(&db).await.unwrap();
    schema::migrate(&db).await.unwrap();
    assert!(schema::status(&db).await.unwrap().iter().all(|migration| migration.applied));
}

#[with_database]
async fn a_refusal_leaves_no_lock_behind(db: Db) {
    sqlx::raw_sql("update oddish.schema_migrations set success = false").execute(&db).await.unwrap();
    let error = schema::migrate(&db).await.unwrap_err();
    assert!(matches!(error, MigrateError::Migrate(sqlx::migrate::MigrateError::Dirty(1))), "{error:?}");
    let scene = Scene::new(db);
    let locks = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory'";
    let released = async {
        while scene.count(locks).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, released).await.expect("a connection in the db keeps the migrator's lock");
}

/// Records a migration that this build does not have.
async fn record(db: &Db, version: i64, description: &str, success: bool) {
    let insert = "insert into oddish.schema_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, $3, '', 0)";
    sqlx::query(insert).bind(version).bind(description).bind(success).execute(db).await.unwrap();
}

#[with_database]
async fn migrations_of_a_newer_version_are_accepted(db: Db) {
    for (version, description) in [(9000, "more columns"), (9001, "without breaking anything")] {
        record(&db, version, description, true).await;
        schema::migrate(&db).await.unwrap();
    }
    let status = schema::status(&db).await.unwrap();
    let newer: Vec<(i64, bool)> =
        status.iter().filter(|one| !one.known).map(|one| (one.version, one.applied)).collect();
    assert_eq!(newer, [(9000, true), (9001, true)]);
    assert_eq!(status.len(), schema::MIGRATOR.iter().count() + 2, "its own are in the list too");
    assert!(status.is_sorted_by_key(|migration| migration.version), "{status:?}");
}

#[with_database]
async fn a_migration_that_breaks_older_programs_is_refused_by_them(db: Db) {
    for (version, description) in [(9000, "breaking slots"), (9001, "breaking jobs"), (9002, "more columns")] {
        record(&db, version, description, true).await;
    }
    for _ in 0..2 {
        let refused = tokio::time::timeout(PATIENCE, schema::migrate(&db)).await.expect("the first left its lock");
        let error = refused.unwrap_err();
        let MigrateError::Breaking { version, description } = &error else { panic!("{error:?}") };
        assert_eq!(
            (*version, &**description),
            (9001, "breaking jobs"),
            "the newest one decides which version is needed"
        );
        let text = error.to_string();
        assert!(
            text.contains("9001 (`breaking jobs`)") && text.contains("deploy the version that brought it"),
            "{text}"
        );
    }
    sqlx::raw_sql("delete from oddish.schema_migrations where version in (9000, 9001)").execute(&db).await.unwrap();
    schema::migrate(&db).await.unwrap();
}

#[with_database]
async fn a_migration_that_did_not_end_is_refused(db: Db) {
    record(&db, 9000, "more columns", false).await;
    let error = schema::migrate(&db).await.unwrap_err();
    assert!(matches!(error, MigrateError::Migrate(sqlx::migrate::MigrateError::Dirty(9000))), "{error:?}");
}

/// What `docs/schema.md` says.
#[derive(Default)]
struct Page {
    tables: BTreeSet<String>,
    /// Table, name and type of each column in the diagram.
    columns: BTreeSet<(String, String, String)>,
    /// Table and column of each primary and of each foreign key.
    primary_keys: BTreeSet<(String, String)>,
    foreign_keys: BTreeSet<(String, String)>,
    /// Both ends of each solid line: the table that is referred to, and the one that refers to it.
    references: BTreeSet<(String, String)>,
    /// What holds the invariants.
    names: BTreeSet<String>,
}

impl Page {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut page = Self::default();
        let (before, rest) = text.split_once("```mermaid\nerDiagram\n").unwrap();
        let (diagram, after) = rest.split_once("```").unwrap();
        let mut table = "";
        for line in diagram.lines() {
            match *line.split_whitespace().collect::<Vec<_>>() {
                [] | ["}"] => {}
                [name, "{"] => {
                    table = name;
                    page.tables.insert(name.to_owned());
                }
                [referred, line, referring, ":", ..] => {
                    if line.contains("--") {
                        page.references.insert((referred.to_owned(), referring.to_owned()));
                    }
                }
                [kind, column, ref keys @ ..] => {
                    page.columns.insert((table.to_owned(), column.to_owned(), kind.to_owned()));
                    let key = (table.to_owned(), column.to_owned());
                    for marked in keys {
                        match marked.trim_end_matches(',') {
                            "PK" => page.primary_keys.insert(key.clone()),
                            "FK" => page.foreign_keys.insert(key.clone()),
                            other => panic!("{other} in {line}"),
                        };
                    }
                }
                [_] => panic!("{line}"),
            }
        }
        for row in before.lines().chain(after.lines()).filter(|line| line.starts_with('|')) {
            let holders = row.split('|').nth(2).unwrap();
            page.names.extend(holders.split('`').skip(1).step_by(2).map(String::from));
        }
        page
    }
}

#[with_database]
async fn the_page_about_the_schema_describes_it(db: Db) {
    let page = Page::read();
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text,
            replace(replace(data_type, 'timestamp with time zone', 'timestamptz'), ' ', '_')
        from information_schema.columns where table_schema = 'oddish'",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let columns = BTreeSet::from_iter(columns);
    assert_eq!(page.tables, columns.iter().map(|(table, ..)| table.clone()).collect(), "tables of the diagram");
    let wrong: Vec<_> = page.columns.difference(&columns).collect();
    assert!(wrong.is_empty(), "columns of the diagram that do not exist so: {wrong:?}");

    let keys: Vec<(String, String, String)> = sqlx::query_as(
        "select c.contype::text, t.relname::text, a.attname::text
        from pg_constraint c join pg_class t on t.oid = c.conrelid
        join pg_attribute a on a.attrelid = t.oid and a.attnum = any (c.conkey)
        where t.relnamespace = 'oddish'::regnamespace",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let keys_of = |wanted: &str| {
        let keys = keys.iter().filter(|(kind, ..)| kind == wanted);
        keys.map(|(_, table, column)| (table.clone(), column.clone())).collect::<BTreeSet<_>>()
    };
    assert_eq!(page.primary_keys, keys_of("p"), "columns marked PK");
    assert_eq!(page.foreign_keys, keys_of("f"), "columns marked FK");
    let references: Vec<(String, String)> = sqlx::query_as(
        "select r.relname::text, t.relname::text
        from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid
        where t.relnamespace = 'oddish'::regnamespace and c.contype = 'f'",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(page.references, BTreeSet::from_iter(references), "solid lines");

    // Whatever holds more than the value of one column is to be on the page.
    let names: Vec<(String, bool)> = sqlx::query_as(
        "select conname::text, contype = 'c' and cardinality(conkey) > 1 from pg_constraint
        where connamespace = 'oddish'::regnamespace
        union select c.relname::text, i.indisunique and not i.indisprimary
        from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'oddish'::regnamespace
        union select g.tgname::text, true
        from pg_trigger g join pg_class t on t.oid = g.tgrelid
        where t.relnamespace = 'oddish'::regnamespace and not g.tgisinternal",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let unknown: Vec<_> = page.names.iter().filter(|name| names.iter().all(|(known, _)| known != *name)).collect();
    assert!(unknown.is_empty(), "names on the page that the schema does not have: {unknown:?}");
    let missing: Vec<_> = names.iter().filter(|(name, wanted)| *wanted && !page.names.contains(name)).collect();
    assert!(missing.is_empty(), "invariants that are not on the page: {missing:?}");
}
