//! The user's stores and refresh functions in Python, as core calls them. `rekindle._host` and `rekindle._refresh`
//! call the functions, sync or async, and return plain values.

use async_trait::async_trait;
use pyo3::prelude::*;
use rekindle::Cause;
use rekindle_bindings::host::{Host, Unanswered};
use rekindle_bindings::refresh::{RefreshAnswer, RefreshQuestion};
use rekindle_bindings::store::{StoreAnswer, StoreQuestion};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attach::attached;
use crate::raised::Raised;
use crate::testing::Busy;

/// A Python function that takes a question as a dict and returns its answer as a dict.
pub(crate) struct PythonHost {
    pub(crate) ask: Py<PyAny>,
    pub(crate) busy: Busy,
}

#[async_trait]
impl Host<StoreQuestion> for PythonHost {
    async fn ask(&self, question: StoreQuestion) -> Result<StoreAnswer, Unanswered> {
        Ok(self.answer(question).await?.0)
    }
}

#[async_trait]
impl Host<RefreshQuestion> for PythonHost {
    async fn ask(&self, question: RefreshQuestion) -> Result<RefreshAnswer, Unanswered> {
        let (mut answer, cause): (RefreshAnswer, _) = self.answer(question).await?;
        answer.cause = cause;
        Ok(answer)
    }
}

impl PythonHost {
    /// Calls Python on another thread than the engine's, because it may take its time. A call that has started always
    /// runs to its end. An answer may have `raised`: an exception, and the name under which it is shown.
    async fn answer<Q, A>(&self, question: Q) -> Result<(A, Option<Cause>), Unanswered>
    where
        Q: Serialize + Send + 'static,
        A: DeserializeOwned + Send + 'static,
    {
        let _begun = self.busy.begin();
        let gone = || Unanswered::NotAsked("the interpreter has ended".to_owned());
        let ask = attached(|py| self.ask.clone_ref(py)).ok_or_else(gone)?;
        let call = move |py: Python<'_>| -> PyResult<(A, Option<Cause>)> {
            let answer = ask.into_bound(py).call1((pythonize::pythonize(py, &question)?,))?;
            let raised = answer.call_method1("pop", ("raised", py.None()))?;
            let raised: Option<(String, Py<PyAny>)> = raised.extract()?;
            let cause = raised.map(|(name, raised)| Cause::new(name, Raised(raised)));
            Ok((pythonize::depythonize(&answer)?, cause))
        };
        let call = move || attached(move |py| call(py).map_err(|error| name(py, &error)));
        match tokio::task::spawn_blocking(call).await {
            Ok(Some(Ok(answered))) => Ok(answered),
            Ok(Some(Err(name))) => Err(Unanswered::Lost(format!("the answer was lost ({name})"))),
            Ok(None) => Err(gone()),
            Err(_) => Err(Unanswered::Lost("the answer was lost".to_owned())),
        }
    }
}

/// The exception's type; the text is omitted because it could quote a token.
fn name(py: Python<'_>, error: &PyErr) -> String {
    error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string())
}
