//! What can be asked on the command line. Tokens and client secrets come from files, the environment or standard input,
//! never from here: arguments are seen by everybody on the machine. (`-u NAME` asks for the password in the same way.)

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand,
};
use clap_complete::Shell;

/// Keeps API sessions alive: refreshes tokens once, replays requests safely, stores the credential.
#[derive(Parser)]
#[command(name = "rekindle", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Args {
    /// The profile file [default: ./rekindle.toml, if trusted, then $XDG_CONFIG_HOME/rekindle/config.toml]
    #[arg(long, global = true, env = "REKINDLE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The profile [default: the only one in the file]
    #[arg(long, short, global = true, env = "REKINDLE_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Write JSON, including errors (one object on standard error)
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// The command line of this process.
    pub(crate) fn of_process() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches()?;
        let mut args = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))?;
        args.json |= matches.subcommand().is_some_and(|(name, given)| name != TAKES_DATA && asks_json(given));
        Ok(args)
    }
}

/// The options and commands. `--json` may stand after each command, too, but after `request` it is curl's, with data.
pub(crate) fn command() -> clap::Command {
    let command = <Args as CommandFactory>::command();
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names
        .into_iter()
        .filter(|name| name != TAKES_DATA)
        .fold(command, |command, name| command.mut_subcommand(name, with_json))
}

fn with_json(command: clap::Command) -> clap::Command {
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command.arg(json_after_command()), |command, name| command.mut_subcommand(name, with_json))
}

/// Whether errors are wanted as JSON, where the command line itself is wrong.
pub(crate) fn wants_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    args.take_while(|arg| arg != TAKES_DATA && arg != "--").any(|arg| arg == "--json")
}

/// The command whose `--json` is curl's.
const TAKES_DATA: &str = "request";

fn json_after_command() -> Arg {
    let help = "Write JSON, including errors (one object on standard error)";
    Arg::new("json").long("json").action(ArgAction::SetTrue).help(help)
}

fn asks_json(given: &ArgMatches) -> bool {
    let below = given.subcommand().is_some_and(|(_, below)| asks_json(below));
    below || given.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or(false)
}

const EXIT_CODES: &str = "Exit codes: 0 success; 1 the API answered with an error (request: only with --fail); \
2 usage or configuration error; 3 sign-in required; 4 network error, or try again later.";

const REQUEST_HELP: &str = "--json takes data here, as curl's does; for errors as JSON write rekindle --json request ...\n\
Variables of -w: content_type, errormsg, filename_effective, http_code, http_version, num_headers, num_redirects, \
response_code, scheme, size_download, speed_download, time_starttransfer, time_total, url, url_effective, header{NAME}.\n\
Requests that may have had an effect are not sent again by --retry, unless they carry an Idempotency-Key.";

const SAMPLES_HELP: &str = "\
A file of samples holds responses as the server gave them, and what they mean. Tokens in it are never printed.

  token_url = \"https://auth.example.com/token\"       # where a refresh is shown; client_id and [variables] too
  [[api]]                                              # a response of the API
  status = 302                                         # method, url, operation, past_end, body or json
  headers = { Location = \"/login?next=/\" }
  expect = { verdict = \"expired\", applied = \"no\" }  # or expect = \"accepted\"; reason, scope, after_seconds
  [[token]]                                            # a response of the token endpoint
  status = 200
  json = { accessToken = \"AT\", ttl = 900 }
  expect = { outcome = \"granted\", access_token = \"AT\", lifetime_seconds = 900 }
  [[refresh]]                                          # the request that a refresh makes
  refresh_token = \"RT\"                               # access_token, extra
  expect = { method = \"POST\", json = { refreshToken = \"RT\" } } # url, headers, body

Each may have a name.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Import the tokens of a sign-in, as JSON from standard input; they replace the stored ones
    #[command(
        after_help = "Fields: access_token, refresh_token, expires_in (seconds) or expires_at (epoch, or a date with its zone).\n\
        Example: rekindle import --profile school < tokens.json"
    )]
    Import,
    /// Sign in, in a browser on this machine
    #[command(
        after_help = "To start without a profile: rekindle sign-in --preset google --client-id ID, or --issuer URL, adds a profile to the \
        user's configuration first.\n\
        Over SSH: --no-browser prints the address; what the browser then shows in its address bar is pasted back."
    )]
    SignIn(SignInArgs),
    /// Send a request with a valid token, with curl's options
    #[command(after_help = REQUEST_HELP)]
    Request(Box<RequestArgs>),
    /// Run a GraphQL query or mutation, and print its data
    Graphql(GraphqlArgs),
    /// Run curl with a valid token, and again if the token is rejected: rekindle curl -- -sS /me
    #[command(
        after_help = "The token is passed to curl on its standard input (-K -), never in an argument, and to the \
        profile's hosts only. Give one URL, or a path below base_url. ~/.curlrc is not read. The exit code is curl's, \
        or rekindle's if there is no token."
    )]
    Curl {
        /// Options and the URL, as curl takes them
        #[arg(last = true, required = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run a command with a valid token in its environment: rekindle exec -- ./sync.sh
    Exec(ExecArgs),
    /// Print a valid access token, for programs that read it from standard input or a file
    Token(TokenArgs),
    /// Refresh the token now
    Refresh {
        /// Even if the token is valid, during a back-off, or if the refresh token was rejected
        #[arg(long)]
        force: bool,
    },
    /// Show the state of the session: expiry, last refresh, back-off, lease
    Status {
        /// Exit with 3 if a sign-in is needed, and with 4 if there is no token at the moment
        #[arg(long)]
        exit_code: bool,
    },
    /// List the profiles of the file in use, each with the state of its session
    #[command(
        after_help = "This refreshes no token. --profile NAME selects a profile; a profile's tokens are \
        removed with rekindle sign-out --profile NAME."
    )]
    Accounts,
    /// End the session, and wipe its tokens
    SignOut {
        /// Also ask the server to revoke them (RFC 7009): exit code 1 if it did not
        #[arg(long)]
        revoke: bool,
    },
    /// Move the stored tokens to the profile's current token_url, dialect or additional origins
    Rebind,
    /// Allow the use of a rekindle.toml in a folder, with its current content
    #[command(
        after_help = "A profile file decides where tokens go. One that was only found in the current folder is \
        used after this consent, which ends when it, or a dialect file that it names, changes."
    )]
    Trust(TrustArgs),
    /// Check your own dialect file, or list the fields that it may have
    Dialect {
        #[command(subcommand)]
        command: DialectCommand,
    },
    /// List the presets (the built-in dialects)
    Presets {
        /// Print this preset's file, as a start for your own dialect
        name: Option<String>,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Show on this machine that many requests, tasks and processes need only one refresh
    Demo(DemoArgs),
    /// One of the demo's processes
    #[command(hide = true)]
    DemoWorker,
}

#[derive(Subcommand)]
pub(crate) enum DialectCommand {
    /// Read a dialect file, and try it on samples: exit code 1 if it judges one differently than expected
    #[command(after_help = SAMPLES_HELP)]
    Check {
        /// The dialect
        file: PathBuf,
        /// A file of samples; several are read one after the other [default: FILE with .samples.toml, if there]
        #[arg(long, value_name = "FILE")]
        samples: Vec<PathBuf>,
    },
    /// Print all fields of a dialect file, with their defaults and an example each
    Fields,
}

#[derive(ClapArgs)]
pub(crate) struct RequestArgs {
    /// The method [default: GET, with data POST]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header, `Name: value`; `Name:` removes a default header
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Data to send, or @FILE (@- is standard input; line breaks are removed); several are joined with &
    #[arg(short, long, value_name = "DATA|@FILE", allow_hyphen_values = true)]
    pub(crate) data: Vec<String>,
    /// Data to send unchanged, or @FILE unchanged
    #[arg(long, value_name = "DATA|@FILE", allow_hyphen_values = true, conflicts_with = "data")]
    pub(crate) data_binary: Option<String>,
    /// Data to send unchanged, even if it begins with @
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data_raw: Vec<String>,
    /// Data to encode: CONTENT, NAME=CONTENT, @FILE or NAME@FILE; it comes after that of -d
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data_urlencode: Vec<String>,
    /// JSON to send, or @FILE unchanged; Content-Type and Accept are application/json. Several are joined
    #[arg(long = "json", value_name = "DATA|@FILE", allow_hyphen_values = true,
        conflicts_with_all = ["data", "data_binary", "data_raw", "data_urlencode"])]
    pub(crate) json_data: Vec<String>,
    /// Resume a download where the file ends
    #[arg(short = 'C', long, value_name = "-", value_parser = ["-"], allow_hyphen_values = true,
        conflicts_with_all = ["data", "data_binary", "data_raw", "data_urlencode", "json_data", "form", "upload_file",
        "head", "include"])]
    pub(crate) continue_at: Option<String>,
    /// Show on standard error what is sent and what comes back; credentials are masked
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Put the data into the query of a GET
    #[arg(short = 'G', long, conflicts_with_all = ["data_binary", "json_data", "form", "upload_file"])]
    pub(crate) get: bool,
    /// A part of a form: NAME=TEXT, NAME=@FILE (with ;type= and ;filename=), or NAME=<FILE for a file's text
    #[arg(short = 'F', long, value_name = "PART", conflicts_with_all = ["data", "data_binary", "data_raw", "data_urlencode", "json_data"])]
    pub(crate) form: Vec<String>,
    /// Send this file by PUT; its name is added to a URL that ends in /
    #[arg(short = 'T', long, value_name = "FILE", conflicts_with_all = ["data", "data_binary", "data_raw", "data_urlencode", "json_data", "form"])]
    pub(crate) upload_file: Option<PathBuf>,
    /// Write the body to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the body to a file with the last name in the URL
    #[arg(short = 'O', long, conflicts_with = "output")]
    pub(crate) remote_name: bool,
    /// Request only the head, and write it
    #[arg(short = 'I', long)]
    pub(crate) head: bool,
    /// Use this name and password (Basic) instead of the token; without a password it is read from
    /// standard input
    #[arg(short, long, value_name = "NAME[:PASSWORD]")]
    pub(crate) user: Option<String>,
    /// Use this proxy, also for token requests; an empty value means no proxy
    #[arg(short = 'x', long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// Also trust these certificates (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// The client certificate (PEM)
    #[arg(short = 'E', long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key (PEM) [default: in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Retry this many times after a transient failure [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) retry: Option<u32>,
    /// After the response, write this text with its %{variables} to standard output; @FILE reads the text from a file
    #[arg(short, long, value_name = "FORMAT|@FILE", allow_hyphen_values = true)]
    pub(crate) write_out: Option<String>,
    /// Give up after this many seconds, including refresh and retries
    #[arg(short, long, value_name = "SECONDS")]
    pub(crate) max_time: Option<f64>,
    /// Show no progress
    #[arg(short, long)]
    pub(crate) silent: bool,
    /// Accepted for curl's sake: errors are always shown, redirects always followed, and compressed responses always accepted
    #[arg(short = 'S', long, hide = true)]
    pub(crate) show_error: bool,
    #[arg(short = 'L', long, hide = true)]
    pub(crate) location: bool,
    #[arg(long, hide = true)]
    pub(crate) compressed: bool,
    /// Also write the head of the response
    #[arg(short, long)]
    pub(crate) include: bool,
    /// Exit with 1, and write no body, on a status of 400 and above
    #[arg(short, long)]
    pub(crate) fail: bool,
    /// The same, but write the body
    #[arg(long, conflicts_with = "fail")]
    pub(crate) fail_with_body: bool,
    /// A path below the profile's base_url, or a URL
    #[arg(value_name = "PATH_OR_URL")]
    pub(crate) target: String,
}

#[derive(ClapArgs, Default)]
pub(crate) struct SignInArgs {
    /// On another device: print a code, and where to type it in
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) device: bool,
    /// Make a profile for this preset or dialect file, in the user's configuration
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) preset: Option<String>,
    /// Make a profile for the server with this issuer (RFC 8414, OpenID Connect)
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Make a profile for the API at this address, an MCP server for example: it says which server signs users in
    /// (RFC 9728), and without --client-id this program registers itself there (RFC 7591)
    #[arg(long, value_name = "URL", conflicts_with_all = ["preset", "issuer"])]
    pub(crate) resource: Option<String>,
    /// The new profile's client id
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The environment variable that holds the new profile's client secret
    #[arg(long, value_name = "NAME")]
    pub(crate) client_secret_env: Option<String>,
    /// The base URL of the new profile's API
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Open no browser: print the address, and read the one that the browser returned to from standard input
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The scope to request, separated by spaces [default: the profile's scope, else the dialect's]
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Option<String>,
    /// Where the browser returns to, if the client is registered with a particular port or path
    #[arg(long, value_name = "URL")]
    pub(crate) redirect_uri: Option<String>,
}

#[derive(ClapArgs)]
pub(crate) struct ExecArgs {
    /// The variable that holds the token
    #[arg(long, default_value = "REKINDLE_TOKEN", value_name = "NAME")]
    pub(crate) env: String,
    /// How long the token must at least be valid, if the server's tokens last that long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) min_life: Option<u64>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(ClapArgs)]
pub(crate) struct TokenArgs {
    /// How long it must at least be valid, if the server's tokens last that long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) min_life: Option<u64>,
    /// The server rejected the last one: print another. With `=-` the rejected one is read from standard
    /// input, and nothing is refreshed if another process has done that since
    #[arg(long, value_name = "-", num_args = 0..=1, require_equals = true, default_missing_value = "current",
        value_parser = ["current", "-"])]
    pub(crate) rejected: Option<String>,
}

#[derive(ClapArgs)]
pub(crate) struct TrustArgs {
    /// The profile file
    #[arg(value_name = "FILE", default_value = "rekindle.toml")]
    pub(crate) file: PathBuf,
    /// Withdraw the consent
    #[arg(long)]
    pub(crate) revoke: bool,
}

#[derive(ClapArgs)]
pub(crate) struct GraphqlArgs {
    /// The query or mutation, or @FILE (@- is standard input)
    #[arg(value_name = "QUERY|@FILE")]
    pub(crate) query: String,
    /// Its variables, a JSON object, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) variables: Option<String>,
}

#[derive(ClapArgs)]
pub(crate) struct DemoArgs {
    /// How many requests each server gets
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) requests: u32,
    /// How many of them at once [default: all, at most 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) concurrency: Option<u32>,
}
