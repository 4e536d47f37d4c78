//! [`FileStore`] for JavaScript, as a Node-API addon: the package `rekindle-file-store`. What it is like in JavaScript is
//! written in `bindings/javascript/src/file-store.ts`, which is the only one to call this.

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, Task};
use napi_derive::napi;
use rekindle::store::{Expected, FileStore, Loaded, Owner, Saved, Store as _, Unavailable, Version};

/// A file, or a folder of them.
#[napi(js_name = "Files")]
pub struct Files {
    store: FileStore,
}

/// What a load found, or what a save did.
#[derive(Default)]
#[napi(object)]
pub struct Answer {
    /// The record, if there is one.
    pub record: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The keys of all records, where they can be told.
    pub keys: Option<Vec<String>>,
    /// Why none of it could be had, and what to do about it.
    pub unavailable: Option<String>,
    /// Whether the record is there and unreadable.
    pub damaged: bool,
}

#[napi]
impl Files {
    /// As `FileStore::new`, or `FileStore::folder`.
    #[napi(constructor)]
    #[must_use]
    pub fn new(path: String, folder: bool) -> Self {
        Self { store: if folder { FileStore::folder(path) } else { FileStore::new(path) } }
    }

    /// Where it is, links resolved. Two stores of one path are the same.
    #[napi(getter)]
    #[must_use]
    pub fn path(&self) -> String {
        self.store.path().display().to_string()
    }

    /// The record of that key; an answer without a version: there is none.
    #[napi]
    pub fn load(&self, key: String) -> AsyncTask<Work<Answer>> {
        self.off_the_loop(async move |store| match store.load(&key).await {
            Ok(Loaded::Present(record, Version(version))) => match String::from_utf8(record.to_vec()) {
                Ok(record) => {
                    Answer { record: Some(record), version: Some(version.to_string()), ..Answer::default() }
                }
                Err(_) => unavailable(Unavailable::damaged("the record is not text")),
            },
            Ok(Loaded::Absent) => Answer::default(),
            Err(error) => unavailable(error),
        })
    }

    /// Replaces the record if it has that version (null: whatever there is; empty: if there is none). An answer without a
    /// version: something else was there.
    #[napi]
    pub fn save(&self, key: String, record: String, version: Option<String>) -> AsyncTask<Work<Answer>> {
        let expected = match version {
            None => Expected::Anything,
            Some(version) if version.is_empty() => Expected::Absent,
            Some(version) => Expected::Version(Version::new(version)),
        };
        self.off_the_loop(async move |store| match store.save(&key, record.into(), &expected).await {
            Ok(Saved::Done(Version(version))) => {
                Answer { version: Some(version.to_string()), ..Answer::default() }
            }
            Ok(Saved::Conflict) => Answer::default(),
            Err(error) => unavailable(error),
        })
    }

    /// The keys of a folder's records.
    #[napi]
    pub fn keys(&self) -> AsyncTask<Work<Answer>> {
        self.off_the_loop(async move |store| match store.keys().await {
            Ok(keys) => Answer { keys, ..Answer::default() },
            Err(error) => unavailable(error),
        })
    }

    /// Shows that the owner of a refresh lives, until `retire` or the end of this process.
    #[napi]
    pub fn announce(&self, key: String, owner: String) -> AsyncTask<Work<()>> {
        self.off_the_loop(async move |store| store.announce(&key, &owner).await)
    }

    /// Ends what `announce` began.
    #[napi]
    pub fn retire(&self, key: String, owner: String) -> AsyncTask<Work<()>> {
        self.off_the_loop(async move |store| store.retire(&key, &owner).await)
    }

    /// `alive`, `dead` or `unknown`.
    #[napi]
    pub fn owner(&self, key: String, owner: String) -> AsyncTask<Work<String>> {
        self.off_the_loop(async move |store| {
            let known = match store.owner(&key, &owner).await {
                Owner::Alive => "alive",
                Owner::Dead => "dead",
                Owner::Unknown => "unknown",
            };
            known.to_owned()
        })
    }

    /// Files block: that is done by the threads that the runtime has for it.
    fn off_the_loop<T: 'static, F>(
        &self,
        work: impl FnOnce(FileStore) -> F + Send + 'static,
    ) -> AsyncTask<Work<T>>
    where
        F: Future<Output = T>,
        Work<T>: Task,
    {
        let store = self.store.clone();
        // Where there is no runtime of tokio's the store does its work at once.
        AsyncTask::new(Work(Some(Box::new(move || work(store).now_or_never()))))
    }
}

fn unavailable(error: Unavailable) -> Answer {
    Answer { unavailable: Some(error.reason), damaged: error.damaged, ..Answer::default() }
}

/// What a thread of the runtime does.
pub struct Work<T>(Option<Box<dyn FnOnce() -> Option<T> + Send>>);

impl<T: ToNapiValue + TypeName + Send + 'static> Task for Work<T> {
    type Output = T;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<T> {
        let done = self.0.take().and_then(|work| work());
        done.ok_or_else(|| Error::from_reason("the file store gave no answer"))
    }

    fn resolve(&mut self, _: Env, output: T) -> napi::Result<T> {
        Ok(output)
    }
}
