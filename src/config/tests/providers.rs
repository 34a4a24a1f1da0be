use std::fs;

use longshore_api::Props;

use crate::config::Resolver;
use crate::config::providers::{has_variable, restore_variables};

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn environment() -> Vec<(String, String)> {
    vec![("DB_PASS".to_owned(), "hunter2".to_owned()), ("HOME".to_owned(), "/root".to_owned())]
}

fn resolver(pairs: &[(&str, &str)]) -> Resolver {
    Resolver::new(&props(pairs), environment()).unwrap()
}

#[track_caller]
fn resolves(resolver: &Resolver, value: &str, expected: &str) {
    let resolved = resolver.resolve(&props(&[("key", value)])).unwrap();
    assert_eq!(resolved["key"], expected, "{value}");
}

const ENV: &[(&str, &str)] = &[
    ("config.providers", "env"),
    ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
    ("config.providers.env.param.allowlist.pattern", "DB_.*"),
];

#[test]
fn variables_are_replaced_and_unknown_ones_stay() {
    let resolver = resolver(ENV);
    resolves(&resolver, "${env:DB_PASS}", "hunter2");
    resolves(&resolver, "a ${env:DB_PASS} b ${env::DB_PASS} c", "a hunter2 b hunter2 c");
    resolves(
        &resolver,
        "${env:HOME} ${env:NONE} ${vault:x:y} ${nothing} $x",
        "${env:HOME} ${env:NONE} ${vault:x:y} ${nothing} $x",
    );
}

#[test]
fn a_path_is_an_error_for_the_environment_and_the_error_names_the_key() {
    let error = resolver(ENV).resolve(&props(&[("key", "${env:p:DB_PASS}")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Path is not supported for EnvVarConfigProvider, invalid value 'p' (configuration key)"
    );
}

#[test]
fn files_give_properties_and_folders_give_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    fs::write(folder.path().join("secrets.properties"), "user=me\npassword=${env:DB_PASS}\n").unwrap();
    fs::write(folder.path().join("token"), " abc\n").unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let resolver = resolver(&[
        ("config.providers", "file, dir"),
        ("config.providers.file.class", "FileConfigProvider"),
        ("config.providers.dir.class", "org.apache.kafka.common.config.provider.DirectoryConfigProvider"),
    ]);
    resolves(&resolver, &format!("${{file:{path}/secrets.properties:user}}"), "me");
    // What a variable stands for is not looked at again.
    resolves(&resolver, &format!("${{file:{path}/secrets.properties:password}}"), "${env:DB_PASS}");
    resolves(&resolver, &format!("${{dir:{path}:token}}"), " abc\n");
    for unknown in ["sub", "..", "../token", "missing", "sub/../token", ""] {
        let variable = format!("${{dir:{path}:{unknown}}}");
        resolves(&resolver, &variable, &variable);
    }
    let error = resolver.resolve(&props(&[("db.password", "${file:/nonexistent:x}")])).unwrap_err();
    assert_eq!(error.to_string(), "Could not read properties from file /nonexistent (configuration db.password)");
}

#[test]
fn paths_outside_the_allowed_ones_give_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    for place in [&inside, &outside] {
        fs::create_dir(place).unwrap();
        fs::write(place.join("s.properties"), "k=v").unwrap();
    }
    let inside = inside.display().to_string();
    let resolver = resolver(&[
        ("config.providers", "file"),
        ("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"),
        ("config.providers.file.param.allowed.paths", &inside),
    ]);
    resolves(&resolver, &format!("${{file:{inside}/s.properties:k}}"), "v");
    for path in [format!("{}/s.properties", outside.display()), format!("{inside}/../out/s.properties")] {
        let variable = format!("${{file:{path}:k}}");
        resolves(&resolver, &variable, &variable);
    }
}

#[test]
fn every_mistake_of_a_provider_is_named() {
    let errors = Resolver::new(
        &props(&[
            ("config.providers", "a,b,c,d"),
            ("config.providers.b.class", "com.example.Vault"),
            ("config.providers.c.class", "FileConfigProvider"),
            ("config.providers.c.param.allowed.paths", "etc"),
            ("config.providers.d.class", "EnvVarConfigProvider"),
            ("config.providers.d.param.allowlist.pattern", "("),
        ]),
        [],
    )
    .unwrap_err();
    let named =
        ["config.providers.a.class", "config.providers.b.class", "Path etc is not absolute", "allowlist.pattern"];
    assert_eq!(errors.len(), named.len());
    for (error, name) in errors.iter().zip(named) {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn secrets_are_put_back_into_task_configurations() {
    let raw = props(&[("password", "${env:DB_PASS}"), ("url", "db://${env:HOST}"), ("plain", "x"), ("gone", "${a:b}")]);
    let mut task = props(&[("password", "hunter2"), ("url", "db://h"), ("plain", "changed"), ("own", "${a:b}")]);
    restore_variables(&raw, &mut task);
    let expected =
        props(&[("password", "${env:DB_PASS}"), ("url", "db://${env:HOST}"), ("plain", "changed"), ("own", "${a:b}")]);
    assert_eq!(task, expected);
    assert!(has_variable("x${a:b}y") && !has_variable("${a}"));
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", resolver(ENV)).contains("hunter2"));
}
