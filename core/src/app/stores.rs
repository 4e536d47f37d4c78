//! Which sessions use which store: apps with the same store and configuration share sessions (spec 4.2).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::fork::PerProcess;
use crate::lock::Mutex;
use crate::session::engine::Engine;
use crate::session::registry::Registry;

type Sessions = Registry<Engine>;

/// By store and configuration.
static STORES: PerProcess<Mutex<Stores>> = PerProcess::new();

type Stores = BTreeMap<Box<str>, Weak<Sessions>>;

/// The sessions of that store and configuration.
pub(super) fn sessions(scope: &str) -> Arc<Sessions> {
    // A forked child's apps share what the child inherited, unless another thread was creating it during the fork.
    let inherit = |stores: &Mutex<Stores>| stores.try_lock().map(|stores| stores.clone());
    let stores = STORES.get_checked(|old| Mutex::new(old.and_then(inherit).unwrap_or_default()));
    let mut stores = stores.lock();
    if let Some(known) = stores.get(scope).and_then(Weak::upgrade) {
        return known;
    }
    let new = Arc::new(Registry::new(Some((scope.into(), gone))));
    stores.insert(scope.into(), Arc::downgrade(&new));
    new
}

fn gone(scope: &str) {
    let Some(stores) = STORES.made() else { return };
    let mut stores = stores.lock();
    // Another thread may have created one meanwhile.
    if stores.get(scope).is_some_and(|known| known.strong_count() == 0) {
        stores.remove(scope);
    }
}
