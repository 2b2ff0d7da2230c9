//! The routes and their description are one thing.

use super::*;

#[test]
fn every_route_is_described() {
    let world_ports = Ports {
        clock: Arc::new(ManualClock::default()),
        publisher: Arc::new(MemoryPublisher::default()),
        registry: Arc::new(MemoryAccounts::default()),
        vault: Arc::new(MemoryAccounts::default()),
        linked: Arc::new(MemoryAccounts::default()),
    };
    let connectors = Connectors::new(Settings::default(), world_ports);
    let (_, document) = router(connectors).split_for_parts();
    let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/v1/athletes/{athlete_id}",
            "/v1/athletes/{athlete_id}/connections/{provider}",
            "/v1/athletes/{athlete_id}/events",
            "/v1/athletes/{athlete_id}/files",
            "/v1/athletes/{athlete_id}/healthkit",
            "/v1/athletes/{athlete_id}/healthkit/export",
            "/v1/athletes/{athlete_id}/scans",
            "/webhooks/garmin/{secret}",
            "/webhooks/strava/{secret}",
        ]
    );
    let text = document.to_json().unwrap();
    assert!(text.contains("#/components/schemas/Problem") && text.contains("\"Receipt\""));
}
