//! The scenes of the demo: what the server does in each, and what the processes are to do.

use std::time::Duration;

use rekindle::Rotation;
use rekindle_test_server::{AuthServer, Rotation as Rotating, Script, SeedDialect, Step, Tokens};

use super::worker::Job;

/// How long the servers take for a refresh: long enough that everybody has to wait for it.
const TOKEN_LATENCY: Duration = Duration::from_millis(100);
const GRACE_SECONDS: u64 = 30;
pub(crate) const LIFETIME: Duration = Duration::from_secs(900);

#[derive(Clone, Copy)]
pub(crate) struct Scene {
    seed: Seed,
    story: Story,
}

/// The four ways of speaking that tutorials show.
#[derive(Clone, Copy)]
enum Seed {
    Json,
    ApiToken,
    OAuth,
    Graphql,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Each refresh token works once; a second use revokes the whole sign-in.
    Strict,
    /// The answer to the refresh is cut; the server takes the old refresh token for some time more.
    LostAnswer,
}

const STRICT: Story = Story::Strict;
const LOST: Story = Story::LostAnswer;

pub(crate) const SCENES: [Scene; 8] = [
    Scene { seed: Seed::Json, story: STRICT },
    Scene { seed: Seed::ApiToken, story: STRICT },
    Scene { seed: Seed::OAuth, story: STRICT },
    Scene { seed: Seed::Graphql, story: STRICT },
    Scene { seed: Seed::Json, story: LOST },
    Scene { seed: Seed::ApiToken, story: LOST },
    Scene { seed: Seed::OAuth, story: LOST },
    Scene { seed: Seed::Graphql, story: LOST },
];

impl Scene {
    /// What the table calls the dialect.
    pub(crate) fn dialect(&self) -> &'static str {
        match self.seed {
            Seed::Json => "json",
            Seed::ApiToken => "api_token",
            Seed::OAuth => "oauth2",
            Seed::Graphql => "graphql",
        }
    }

    /// What the table calls the story.
    pub(crate) fn scenario(&self) -> &'static str {
        if self.story == STRICT { "strict_rotation" } else { "lost_answer" }
    }

    /// What the server does, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self.story {
            Story::Strict => "each refresh token works once, a second use revokes the sign-in",
            Story::LostAnswer => "the refresh is granted, but its answer is cut",
        }
    }

    /// How often the server grants: a cut answer is asked for again, with the same refresh token.
    pub(crate) fn refreshes(&self) -> u64 {
        if self.story == STRICT { 1 } else { 2 }
    }

    pub(crate) fn start(&self) -> std::io::Result<AuthServer> {
        let (rotation, lost) = match self.story {
            Story::Strict => (Rotating::StrictFamily, 0),
            Story::LostAnswer => (Rotating::Grace { seconds: GRACE_SECONDS }, 1),
        };
        let server =
            AuthServer::builder().dialect(self.spoken()).rotation(rotation).lifetime(LIFETIME).start()?;
        server.set_token_latency(TOKEN_LATENCY);
        server.lose_answers(lost);
        Ok(server)
    }

    fn spoken(&self) -> SeedDialect {
        match self.seed {
            Seed::Json => SeedDialect::Json,
            Seed::ApiToken => SeedDialect::ApiToken,
            Seed::OAuth => SeedDialect::OAuth400,
            Seed::Graphql => SeedDialect::GraphQl,
        }
    }

    /// Holds the requests with the old token until all that run at once have arrived: none is late.
    pub(crate) fn gathering(&self, tokens: &Tokens, at_once: u32) -> Script {
        let step = if self.asks_graphql() { Step::on("POST", "/") } else { Step::on("GET", "/data") };
        Script::new().step(step.token(&tokens.access_token).barrier(at_once))
    }

    fn asks_graphql(&self) -> bool {
        matches!(self.seed, Seed::Graphql)
    }

    pub(crate) fn job(&self, server: &AuthServer, store: std::path::PathBuf) -> Job {
        let (preset, token_path) = match self.seed {
            Seed::Json => ("json", "/refresh"),
            Seed::ApiToken => ("json", "/api/token/refresh"),
            Seed::OAuth => ("oauth2", "/oauth/token"),
            Seed::Graphql => ("graphql", "/"),
        };
        let rotation = match self.story {
            Story::Strict => Rotation::StrictFamily,
            Story::LostAnswer => Rotation::Grace(Duration::from_secs(GRACE_SECONDS)),
        };
        Job {
            dialect: preset.to_owned(),
            rotation: rotation.to_string(),
            base_url: server.base_url(),
            token_url: server.base_url() + token_path,
            graphql: self.asks_graphql(),
            store,
            requests: 0,
            at_once: 0,
        }
    }
}
