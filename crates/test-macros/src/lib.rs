#![doc = include_str!("../README.md")]

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Gives an async test a migrated database of its own: `#[with_database] async fn a_test(db: Db) { .. }`. With `(empty)` nothing is
/// migrated. The database is dropped when the test passes.
///
/// The test's crate needs `sqlx` and `oddish-test-support`.
#[proc_macro_attribute]
pub fn with_database(arguments: TokenStream, test: TokenStream) -> TokenStream {
    let migrations = match arguments.to_string().as_str() {
        "" => "migrator = \"::oddish_test_support::MIGRATOR\"",
        "empty" => "migrations = false",
        _ => return error("#[with_database] takes nothing, or (empty)"),
    };
    let tokens: Vec<TokenTree> = test.into_iter().collect();
    let Some(start) = tokens.iter().position(|token| is_word(token, "async")) else {
        return error("#[with_database] goes before an `async fn`");
    };
    let Some(TokenTree::Ident(name)) = tokens.iter().skip_while(|token| !is_word(token, "fn")).nth(1) else {
        return error("#[with_database] goes before an `async fn`");
    };
    let (attributes, function) = tokens.split_at(start);

    let call = format!("::oddish_test_support::run(&connect_options, {name}).await");
    let mut body: TokenStream = function.iter().cloned().collect();
    body.extend(parsed(&call));

    let mut output = parsed(&format!("#[::sqlx::test({migrations})]"));
    output.extend(attributes.iter().cloned());
    output.extend(parsed(&format!(
        "async fn {name}(_: ::sqlx::postgres::PgPoolOptions, connect_options: ::sqlx::postgres::PgConnectOptions)"
    )));
    output.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
    output
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

fn error(message: &str) -> TokenStream {
    parsed(&format!("::core::compile_error!({message:?});"))
}

/// Empty where the text is no Rust, which the compiler then says of what is missing.
fn parsed(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
