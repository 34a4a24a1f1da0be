//! The page of all keys of a worker, made of their tables.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::keys::{self, Support, WorkerKey};

const HEAD: &str = "# Worker configuration

Every key of a worker, as Kafka Connect has it in a properties file or as `CONNECT_*` variable. This page is made of the
tables that the worker reads its configuration by (`src/config/keys.rs`); `UPDATE_EXPECT=1 cargo test --lib reference`
writes it anew. A key that is on no list is taken, logged as unknown, and handed to the clients of its prefix.

";

fn effect(support: Support) -> String {
    match support {
        Support::Full => String::new(),
        Support::NoEffect(why) => format!("no effect: {why}"),
        Support::Refused(_, why) => format!("refused, but for values that change nothing: {why}"),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table(title: &str, rows: &[WorkerKey]) -> String {
    let mut page = format!("## {title}\n\n| key | type | default | what it does | differs |\n|---|---|---|---|---|\n");
    for WorkerKey { key, support } in rows {
        let default = match key.shown_default().as_deref() {
            _ if key.is_required() => "required".to_owned(),
            None => "null".to_owned(),
            Some("") => "empty".to_owned(),
            Some(text) => format!("`{text}`"),
        };
        let kind = key.kind.name().to_lowercase();
        let (name, doc, effect) = (&key.name, cell(&key.doc), cell(&effect(*support)));
        writeln!(page, "| `{name}` | {kind} | {default} | {doc} | {effect} |").unwrap();
    }
    page + "\n"
}

fn families() -> String {
    let mut page = "## Families of keys\n\n| keys | what they do | differs |\n|---|---|---|\n".to_owned();
    for family in keys::FAMILIES {
        let (doc, effect) = (cell(family.doc), cell(&effect(family.support)));
        writeln!(page, "| `{}*` | {doc} | {effect} |", family.prefix).unwrap();
    }
    page
}

#[test]
fn the_reference_page_is_that_of_the_tables() {
    let page = HEAD.to_owned()
        + &table("Both modes", &keys::common())
        + &table("Distributed", &keys::distributed())
        + &table("Standalone", &keys::standalone())
        + &families();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/worker-configuration.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "{} is not what the tables say; UPDATE_EXPECT=1 writes it anew", path.display());
}
