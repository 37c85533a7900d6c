//! Migrates the database that `DATABASE_URL` names. `cargo xtask prepare` runs it before it checks the queries.

#![expect(clippy::print_stdout, reason = "a command-line program")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?.parse()?;
    let pool = oddish_db::connect(&url, 1).await?;
    oddish_db::schema::migrate(&pool).await?;
    println!("migrated");
    Ok(())
}
