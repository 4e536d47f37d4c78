//! Objects in use, by key: the same object for the same key, dropped when it is no longer used, except for those most
//! recently used.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use crate::fork::{PerProcess, ProcessLocal};
use crate::lock::Mutex;

/// Values by key. A value is kept alive by its users, and the most recently used ones by the registry.
///
/// A value removes itself, with [`Registry::forget`], when it is dropped, so the registry is never scanned.
pub(crate) struct Registry<T> {
    entries: PerProcess<Mutex<Entries<T>>>,
    shared: Option<Shared>,
}

/// The name of a shared registry, and the callback for when it is dropped.
pub(crate) type Shared = (Box<str>, fn(&str));

struct Entries<T> {
    by_key: HashMap<Arc<str>, Entry<T>>,
    /// The values that the registry keeps alive, oldest first.
    recent: VecDeque<(Arc<str>, Arc<T>)>,
}

struct Entry<T> {
    value: Weak<T>,
    /// Whether it is in `recent`.
    kept: bool,
    /// Whether it was used since it was last the oldest.
    used: bool,
}

impl<T> Registry<T> {
    /// An empty registry. `shared`: its name, and the callback that gets the name when the registry is dropped.
    pub(crate) fn new(shared: Option<Shared>) -> Self {
        Self { entries: PerProcess::new(), shared }
    }

    /// The value of a key, created if there is none; and whether it was created. At most `most_idle` of the most
    /// recently used values are kept without users.
    pub(crate) fn get_or_make<E>(
        &self,
        key: &str,
        most_idle: usize,
        make: impl FnOnce(Arc<str>) -> Result<Arc<T>, E>,
    ) -> Result<(Arc<T>, bool), E> {
        let entries = self.entries();
        let mut locked = entries.lock();
        let known = locked.by_key.get(key).and_then(|entry| entry.value.upgrade());
        let (value, made) = match known {
            Some(value) => (value, false),
            None => (locked.insert(key, make)?, true),
        };
        let unused = locked.keep(key, &value, most_idle);
        drop(locked);
        // Without the lock: a value that is dropped here removes itself.
        drop(unused);
        Ok((value, made))
    }

    /// Replaces the value of a key. Users of the old value may continue to use it.
    pub(crate) fn replace<E>(
        &self,
        key: &str,
        make: impl FnOnce(Arc<str>) -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        self.entries().lock().insert(key, make)
    }

    /// Removes a value that is being dropped.
    pub(crate) fn forget(&self, key: &str, value: &T) {
        let Some(entries) = self.entries.made() else { return };
        let mut entries = entries.lock();
        if entries.by_key.get(key).is_some_and(|entry| std::ptr::eq(entry.value.as_ptr(), value)) {
            entries.by_key.remove(key);
            entries.shrink();
        }
    }

    /// Drops all values without users.
    pub(crate) fn let_go(&self) {
        let Some(entries) = self.entries.made() else { return };
        let mut locked = entries.lock();
        let kept = std::mem::take(&mut locked.recent);
        locked.by_key.values_mut().for_each(|entry| entry.kept = false);
        drop(locked);
        drop(kept);
    }

    /// All values that are alive.
    pub(crate) fn alive(&self) -> Vec<Arc<T>> {
        let entries = self.entries();
        let entries = entries.lock();
        entries.by_key.values().filter_map(|entry| entry.value.upgrade()).collect()
    }

    /// How many values are alive.
    pub(crate) fn len(&self) -> usize {
        self.entries().lock().by_key.len()
    }

    fn entries(&self) -> ProcessLocal<Mutex<Entries<T>>> {
        // A forked child uses the inherited values, unless another thread held the lock during the fork.
        self.entries.get_checked(|old| Mutex::new(old.and_then(inherit).unwrap_or_default()))
    }
}

fn inherit<T>(old: &Mutex<Entries<T>>) -> Option<Entries<T>> {
    let old = old.try_lock()?;
    let entry = |entry: &Entry<T>| Entry { value: entry.value.clone(), kept: false, used: false };
    let by_key = old.by_key.iter().map(|(key, old)| (key.clone(), entry(old))).collect();
    Some(Entries { by_key, recent: VecDeque::new() })
}

impl<T> Entries<T> {
    fn insert<E>(
        &mut self,
        key: &str,
        make: impl FnOnce(Arc<str>) -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let key: Arc<str> = key.into();
        let value = make(key.clone())?;
        self.by_key.insert(key, Entry { value: Arc::downgrade(&value), kept: false, used: false });
        Ok(value)
    }

    /// Keeps a value alive, and returns those that are dropped for it: the oldest ones that were not used since.
    fn keep(&mut self, key: &str, value: &Arc<T>, most: usize) -> Vec<Arc<T>> {
        if most == 0 {
            return Vec::new();
        }
        if let Some((key, _)) = self.by_key.get_key_value(key) {
            let key = key.clone();
            if let Some(entry) = self.by_key.get_mut(&key) {
                if entry.kept {
                    entry.used = true;
                    return Vec::new();
                }
                entry.kept = true;
                self.recent.push_back((key, value.clone()));
            }
        }
        let mut unused = Vec::new();
        while self.recent.len() > most {
            let Some((key, oldest)) = self.recent.pop_front() else { break };
            let entry = self.by_key.get_mut(&key);
            let used = entry.is_some_and(|entry| {
                entry.kept = std::mem::take(&mut entry.used);
                entry.kept
            });
            if used {
                self.recent.push_back((key, oldest));
            } else {
                unused.push(oldest);
            }
        }
        unused
    }

    /// Memory that a peak needed is freed.
    fn shrink(&mut self) {
        const SMALL: usize = 1_024;
        if self.by_key.capacity() > SMALL && self.by_key.len() < self.by_key.capacity() / 8 {
            self.by_key.shrink_to(SMALL);
        }
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), recent: VecDeque::new() }
    }
}

impl<T> Drop for Registry<T> {
    fn drop(&mut self) {
        if let Some((name, gone)) = &self.shared {
            gone(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct User(Arc<str>, Arc<Registry<User>>);

    impl Drop for User {
        fn drop(&mut self) {
            self.1.forget(&self.0, self);
        }
    }

    fn user(registry: &Arc<Registry<User>>, key: &str, most: usize) -> (Arc<User>, bool) {
        let make = |key| Ok::<_, ()>(Arc::new(User(key, registry.clone())));
        registry.get_or_make(key, most, make).unwrap()
    }

    #[test]
    fn it_is_the_same_one_as_long_as_somebody_holds_it() {
        let registry = Arc::new(Registry::new(None));
        let (ada, made) = user(&registry, "ada", 0);
        let (again, made_again) = user(&registry, "ada", 0);
        assert!(made && !made_again && Arc::ptr_eq(&ada, &again));
        assert!(!Arc::ptr_eq(&ada, &user(&registry, "bob", 0).0));
        assert_eq!(registry.len(), 1, "bob is gone");
        drop((ada, again));
        assert_eq!(registry.len(), 0);
        assert!(user(&registry, "ada", 0).1);
    }

    #[test]
    fn those_that_were_used_last_are_kept_and_no_more() {
        let registry = Arc::new(Registry::new(None));
        for number in 0..100 {
            user(&registry, &number.to_string(), 10);
            assert!(!user(&registry, "often", 10).1 || number == 0, "it was let go of at {number}");
        }
        assert_eq!(registry.len(), 10);
        assert!(!user(&registry, "99", 10).1);
        assert!(user(&registry, "3", 10).1);
    }

    #[test]
    fn one_that_is_held_stays_the_same_though_others_took_its_room() {
        let registry = Arc::new(Registry::new(None));
        let held = user(&registry, "held", 2).0;
        (0..10).for_each(|number| drop(user(&registry, &number.to_string(), 2)));
        assert!(Arc::ptr_eq(&held, &user(&registry, "held", 2).0));
        assert_eq!(registry.len(), 2);
    }

    #[test]
    fn a_crowd_that_has_gone_leaves_no_room_behind() {
        let registry = Arc::new(Registry::new(None));
        let crowd: Vec<_> = (0..10_000).map(|number| user(&registry, &number.to_string(), 0).0).collect();
        drop(crowd);
        assert!(registry.entries().lock().by_key.capacity() < 4_096);
    }

    #[test]
    fn none_is_kept_any_more_once_it_is_let_go_of() {
        let registry = Arc::new(Registry::new(None));
        let held = user(&registry, "held", 10).0;
        user(&registry, "ada", 10);
        assert_eq!(registry.len(), 2);
        registry.let_go();
        assert_eq!(registry.len(), 1);
        drop(held);
        assert_eq!(Arc::strong_count(&registry), 1);
    }

    #[test]
    fn who_shares_it_is_told_when_it_is_gone() {
        static GONE: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
        let gone = |name: &str| GONE.lock().unwrap().push_str(name);
        drop(Registry::<User>::new(Some(("users".into(), gone))));
        assert_eq!(*GONE.lock().unwrap(), "users");
    }
}
