//! A worker's properties, as far as they come without servers: the worker's own keys, a connector's, and the settings of
//! its Kafka clients.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore::config::{ConnectorConfig, ConnectorKind, Mode, WorkerConfig, properties};
use longshore::kafka::{Role, client_config};

fuzz_target!(|bytes: &[u8]| {
    let Ok(props) = properties::parse(bytes) else { return };
    for mode in [Mode::Distributed, Mode::Standalone] {
        let Ok(worker) = WorkerConfig::load(mode, props.clone(), []) else { continue };
        for kind in [ConnectorKind::Sink, ConnectorKind::Source] {
            let _ = ConnectorConfig::parse(&worker, kind, &props);
        }
    }
    for role in [Role::Consumer, Role::Producer, Role::Admin] {
        let _ = client_config(&props, role);
    }
});
