//! Configuration as tables: what was written, and what came of it.

use std::net::SocketAddr;

use secrecy::ExposeSecret;

use super::{ConfigReport, Failure, Request, Role, Settings, from_parts};
use crate::exit::Kind;

/// A file's text and environment variables (`NAME=value`), without flags.
fn load(file: &str, environment: &[&str]) -> Result<(Settings, ConfigReport), Failure> {
    load_with(&Request::default(), file, environment)
}

fn load_with(
    request: &Request,
    file: &str,
    environment: &[&str],
) -> Result<(Settings, ConfigReport), Failure> {
    let environment: Vec<(String, String)> = environment
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    from_parts(
        request,
        Some(&("s.toml".to_owned(), file.to_owned())),
        &environment,
    )
}

fn settings(file: &str, environment: &[&str]) -> Settings {
    load(file, environment).unwrap().0
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = settings("", &[]);
    assert_eq!(
        settings.http.bind,
        "127.0.0.1:8080".parse::<SocketAddr>().unwrap()
    );
    assert_eq!(
        settings.public_url(settings.http.bind),
        "http://127.0.0.1:8080"
    );
    assert_eq!(settings.http.body_limit_bytes, 16 * 1_024 * 1_024);
    assert_eq!(settings.log.data.to_str(), Some("./sudor-data"));
    assert_eq!(settings.store.path.to_str(), Some("./sudor-data/store.db"));
    assert_eq!(
        settings.vault.key_file.to_str(),
        Some("./sudor-data/vault.key")
    );
    assert_eq!(
        settings.garmin.api_url,
        "https://apis.garmin.com/wellness-api/rest"
    );
    assert_eq!(settings.garmin.callback_hosts, ["apis.garmin.com"]);
    assert!(settings.garmin.secret.is_none() && settings.strava.secret.is_none());
    assert_eq!(settings.strava.api_url, "https://www.strava.com/api/v3");
    assert_eq!(settings.strava.subscription_id, 0);
    assert_eq!(settings.weather.archive_after_days, 5);
    assert_eq!(settings.roles, Role::ALL);
}

#[test]
fn later_layers_win_and_are_named() {
    let file = "[http]\nbind = \"127.0.0.1:1\"\n[log]\ndata = \"file\"\n";
    let request = Request {
        presets: vec![
            ("garmin.secret", "preset".to_owned()),
            ("log.data", "preset".to_owned()),
        ],
        flags: vec![("log.data", "--data", "flag".to_owned())],
        ..Request::default()
    };
    let environment = [
        "SUDOR__HTTP__BIND=127.0.0.1:2",
        "SUDOR__LIMITS__DRAIN_S=3",
        "PATH=/bin",
    ];
    let (settings, report) = load_with(&request, file, &environment).unwrap();
    assert_eq!(settings.http.bind.port(), 2);
    assert_eq!(settings.limits.drain_s, 3);
    assert_eq!(settings.log.data.to_str(), Some("flag"));
    assert_eq!(settings.garmin.secret.unwrap().expose_secret(), "preset");
    let text = report.to_string();
    for line in [
        "http.bind = \"127.0.0.1:2\"  # environment SUDOR__HTTP__BIND",
        "log.data = \"flag\"  # flag --data",
        "limits.drain_s = 3  # environment SUDOR__LIMITS__DRAIN_S",
        "limits.batch_records = 2048  # default",
        "store.path = \"flag/store.db\"  # derived",
        "garmin.secret = \"***\"  # set by the command",
        "# strava.secret is not set",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn a_report_names_the_file_and_hides_secrets() {
    let file = "[garmin]\nsecret = \"hush-1\"\nclient_secret = \"hush-2\"\n\
        [strava]\nsecret = \"hush-3\"\nverify_token = \"hush-4\"\nclient_secret = \"hush-5\"\n\
        [weather]\napi_key = \"hush-6\"\n";
    let (settings, report) = load(file, &[]).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    for shown in [report.to_string(), json, format!("{settings:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
    }
    assert!(
        report
            .to_string()
            .contains("weather.api_key = \"***\"  # file s.toml")
    );
}

#[test]
fn text_of_the_environment_becomes_lists_numbers_and_digits_only_secrets() {
    let environment = [
        "SUDOR__GARMIN__CALLBACK_HOSTS=a.example, 127.0.0.1:99",
        "SUDOR__GARMIN__SECRET=0071",
        "SUDOR__STRAVA__SUBSCRIPTION_ID=120475",
        "SUDOR__WEATHER__API_KEY=",
    ];
    let settings = settings("", &environment);
    assert_eq!(
        settings.garmin.callback_hosts,
        ["a.example", "127.0.0.1:99"]
    );
    assert_eq!(settings.garmin.secret.unwrap().expose_secret(), "0071");
    assert_eq!(settings.strava.subscription_id, 120_475);
    assert!(settings.weather.api_key.is_none());
}

/// The file, and words that the refusal must hold.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "[http]\nbnd = \"x\"",
        &["unknown key http.bnd", "file s.toml", "http.bind"],
    ),
    (
        "[htp]\nbind = \"x\"",
        &["unknown key htp.bind", "--print-config"],
    ),
    ("[nothing]", &["unknown key nothing"]),
    ("bind = 3", &["unknown key bind"]),
    (
        "[rules]\nspeed = 1",
        &["unknown key rules.speed", "rules.pre_carb_scale"],
    ),
    (
        "[rules]\npre_carb_scale = 1.5",
        &["rules.pre_carb_scale", "no share"],
    ),
    (
        "[rules]\ngap_boundaries_min = [45, 120, 60, 480, 720, 1440]",
        &["rules.gap_boundaries_min", "six rising numbers"],
    ),
    #[cfg(not(feature = "kafka"))]
    (
        "[log]\nkind = \"kafka\"\nbrokers = \"b\"",
        &["log.kind = \"kafka\"", "not supported", "--features kafka"],
    ),
    #[cfg(feature = "kafka")]
    ("[log]\nkind = \"kafka\"", &["log.brokers", "host:port"]),
    ("[log]\nbrokers = \"b\"", &["log.brokers", "embedded"]),
    (
        "[log]\npartitions = 0",
        &["log.partitions = 0", "1 to 1024"],
    ),
    (
        "[store]\nkind = \"mongo\"",
        &["store.kind", "not supported in this build"],
    ),
    (
        "[store]\nnodes = [\"a:9042\"]",
        &["store.nodes", "store.kind"],
    ),
    (
        "[http]\nbind = \"localhost\"",
        &["http.bind", "127.0.0.1:8080"],
    ),
    (
        "[http]\nbody_limit_mib = 0",
        &["http.body_limit_mib = 0", "1 to 1024"],
    ),
    (
        "[http]\nbody_limit_mib = \"big\"",
        &["http.body_limit_mib", "s.toml"],
    ),
    (
        "[limits]\nbatch_records = -1",
        &["limits.batch_records", "s.toml"],
    ),
    (
        "[auth]\nrequired = \"maybe\"",
        &["auth.required", "auto, on, off"],
    ),
    ("[log]\nformat = \"xml\"", &["log.format", "json"]),
    (
        "[log]\nfilter = \"nonsense\"",
        &["log.filter = \"nonsense\"", "info,sinks_api=debug"],
    ),
    (
        "[log]\nfilter = \"info,sinks_api=loud\"",
        &["log.filter", "no filter"],
    ),
    (
        "[garmin]\nsecret = \"a/b\"",
        &["garmin.secret cannot stand in a path"],
    ),
    ("[garmin]\napi_url = \"ftp://x\"", &["garmin.api_url"]),
    (
        "[garmin]\ncallback_hosts = [\"https://x\"]",
        &["garmin.callback_hosts"],
    ),
    (
        "[weather]\narchive_url = \"https://u:p@x\"",
        &["weather.archive_url"],
    ),
    ("[http\nbind", &["s.toml is not valid TOML", "caused by"]),
];

#[test]
fn bad_settings_are_refused_with_the_key_and_its_place() {
    for (file, words) in REFUSED {
        let failure = load(file, &[]).map(|_| ()).unwrap_err();
        assert_eq!(failure.kind, Kind::BadInput, "{file}");
        let text = failure.to_string();
        for word in *words {
            assert!(text.contains(word), "{file}: {word:?} is not in {text}");
        }
    }
}

#[test]
fn an_unknown_environment_variable_is_named() {
    let failure = load("", &["SUDOR__HTTP__BINDS=1"])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        failure.contains("http.binds (environment SUDOR__HTTP__BINDS)"),
        "{failure}"
    );
}

#[test]
fn the_refusal_of_a_secret_does_not_show_it() {
    let failure = load("[garmin]\nsecret = \"hush hush\"", &[])
        .map(|_| ())
        .unwrap_err();
    assert!(!failure.to_string().contains("hush"));
}

#[test]
fn an_address_that_others_reach_needs_a_key_or_a_clear_word() {
    // bind, auth.required, keys => required, or a refusal
    let table = "
        127.0.0.1  auto  0  =>  no
        127.0.0.1  auto  1  =>  yes
        127.0.0.1  on    0  =>  refused
        127.0.0.1  on    1  =>  yes
        127.0.0.1  off   1  =>  no
        0.0.0.0    auto  0  =>  refused
        0.0.0.0    auto  1  =>  yes
        0.0.0.0    on    0  =>  refused
        0.0.0.0    off   0  =>  no
        [::1]      auto  0  =>  no
        [::]       auto  0  =>  refused";
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [bind, required, keys, _, expected] = words[..] else {
            panic!("{line}")
        };
        let file = format!("[http]\nbind = \"{bind}:0\"\n[auth]\nrequired = \"{required}\"");
        let answer = match settings(&file, &[]).api_keys_required(keys.parse().unwrap()) {
            Ok(true) => "yes",
            Ok(false) => "no",
            Err(_) => "refused",
        };
        assert_eq!(answer, expected, "{line}");
    }
}

#[test]
fn roles_are_a_set() {
    let request = Request {
        roles: vec![Role::Api, Role::Ingest, Role::Api],
        ..Request::default()
    };
    let (settings, _) = load_with(&request, "", &[]).unwrap();
    assert_eq!(settings.roles, [Role::Ingest, Role::Api]);
}

#[test]
fn fault_injection_is_understood_and_not_advertised() {
    let (settings, report) = load("", &["SUDOR__DEBUG__PANIC_ON_PROVIDER_ID=x1"]).unwrap();
    assert_eq!(settings.debug.panic_on_provider_id.as_deref(), Some("x1"));
    assert!(report.to_string().contains("debug.panic_on_provider_id"));
    assert!(!load("", &[]).unwrap().1.to_string().contains("debug."));
}
