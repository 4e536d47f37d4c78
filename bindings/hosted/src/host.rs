//! The host, as it is asked: by an effect of a session, which it answers.

use async_trait::async_trait;
use rekindle::transport::Sent;
use rekindle_bindings::host::{Host, Question, Unanswered};
use rekindle_bindings::refresh::RefreshQuestion;
use rekindle_bindings::store::StoreQuestion;
use rekindle_bindings::transport::{TransportAnswer, TransportQuestion, read_whole, whole};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::outbox::SharedOutbox;
use crate::response::Answer;

/// The host, asked for one session.
#[derive(Clone)]
pub(crate) struct SessionHost {
    pub(crate) session: u32,
    pub(crate) outbox: SharedOutbox,
}

#[async_trait]
impl Host<StoreQuestion> for SessionHost {
    async fn ask(&self, question: StoreQuestion) -> Result<<StoreQuestion as Question>::Answer, Unanswered> {
        self.answer(question).await
    }
}

#[async_trait]
impl Host<RefreshQuestion> for SessionHost {
    async fn ask(
        &self,
        question: RefreshQuestion,
    ) -> Result<<RefreshQuestion as Question>::Answer, Unanswered> {
        self.answer(question).await
    }
}

#[async_trait]
impl Host<TransportQuestion> for SessionHost {
    async fn ask(&self, question: TransportQuestion) -> Result<TransportAnswer, Unanswered> {
        let TransportQuestion { method, url, headers, body, with_cookies, .. } = question;
        let body = match read_whole(body).await {
            Ok(body) => body,
            Err(error) => return Err(Unanswered::NotAsked(error.message)),
        };
        let body = String::from_utf8_lossy(&body);
        let mut effect =
            json!({ "effect": "send", "method": method, "url": url, "headers": headers, "body": body });
        if with_cookies {
            effect["with_cookies"] = true.into();
        }
        let answer = self.effect(effect).await?;
        if let Some(reason) = answer["error"].as_str() {
            let sent = if answer["sent"] == false { Sent::No } else { Sent::Maybe };
            return Ok(TransportAnswer::Failed { sent, reason: reason.to_owned() });
        }
        response(answer).ok_or_else(nonsense)
    }
}

impl SessionHost {
    async fn answer<Q>(&self, question: Q) -> Result<Q::Answer, Unanswered>
    where
        Q: Question<Answer: DeserializeOwned> + Serialize,
    {
        let effect =
            serde_json::to_value(question).map_err(|error| Unanswered::NotAsked(error.to_string()))?;
        serde_json::from_value(self.effect(effect).await?).map_err(|_| nonsense())
    }

    pub(crate) async fn effect(&self, mut effect: Value) -> Result<Value, Unanswered> {
        effect["session"] = self.session.into();
        let answer = self.outbox.ask(effect).await;
        answer.ok_or_else(|| Unanswered::Lost("the host has ended".to_owned()))
    }
}

fn response(answer: Value) -> Option<TransportAnswer> {
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let body = whole(answer.bytes().ok()?);
    Some(TransportAnswer::Response { status: answer.status, version: None, headers: answer.headers, body })
}

/// Its text could quote a token.
fn nonsense() -> Unanswered {
    Unanswered::Lost("the host's answer is invalid".to_owned())
}
