package rekindle

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// SignIn returns a signed-in session for a client ID. The user signs in with a browser on this machine or, if asked.Device is set, on
// another device. If the store already holds a sign-in, the user is not asked. When the session can no longer be refreshed, the user is
// asked again in the same way. server is a preset's name, or an issuer (https://..).
//
//	session, err := rekindle.SignIn(ctx, "https://accounts.example.com", rekindle.Options{
//		ClientID: "app", Origins: []string{"https://api.example.com"},
//	}, rekindle.SignInOptions{Scope: "openid offline_access"})
func SignIn(ctx context.Context, server string, options Options, asked SignInOptions) (*Session, error) {
	if isWebAddress(server) {
		found, err := Discover(ctx, server, options.Transport)
		if err != nil {
			return nil, err
		}
		options.Server = found
	} else {
		options.Dialect = server
	}
	return signedIn(ctx, options, asked)
}

func signedIn(ctx context.Context, options Options, asked SignInOptions) (*Session, error) {
	again := func(ctx context.Context, session *Session) error {
		if asked.Device != nil {
			return session.SignInWithDevice(ctx, asked.Device, asked)
		}
		return session.SignInWithBrowser(ctx, asked)
	}
	if options.Login == nil {
		options.Login = again
	}
	session, err := NewSession(options)
	if err != nil {
		return nil, err
	}
	status, err := session.FreshStatus(ctx)
	if err == nil && status.NeedsSignIn {
		err = again(ctx, session)
	}
	if err != nil {
		session.drop()
		return nil, err
	}
	return session, nil
}

// SignInToAPI is SignIn for an API of which only the URL is known, such as an MCP server: it finds the API's authorization server
// (RFC 9728), and registers this program there under name (RFC 7591), unless options have a ClientID. The session's token goes to the
// API's origin. The registration is kept in options.Store, beside the sign-in, and used again by the next process.
//
//	session, err := rekindle.SignInToAPI(ctx, "https://mcp.example.com/mcp", "notes", rekindle.Options{
//		Store: rekindle.NewFileStore("mcp.json"),
//	}, rekindle.SignInOptions{})
func SignInToAPI(ctx context.Context, api, name string, options Options, asked SignInOptions) (*Session, error) {
	wanted := message{"resource": api, "name": name, "redirect_uri": asked.RedirectURI, "scope": asked.Scope, "client_id": options.ClientID, "device": asked.Device != nil}
	told := message{"do": "find_api", "asked": wanted}
	if options.Store != nil {
		told["store"] = storeSettings(options.Store)
	}
	var found struct {
		RegisteredClient
		Resource string
		Scope    string
		Origin   string
		Server   json.RawMessage
	}
	if err := ask(ctx, &served{transport: options.Transport, store: options.Store}, told, &found); err != nil {
		return nil, err
	}
	if options.ClientID == "" {
		options.ClientID, options.ClientSecret, options.ClientAuth = found.ClientID, found.ClientSecret, found.ClientAuth
	}
	options.Server = found.Server
	options.Origins = append([]string{found.Origin}, options.Origins...)
	asked.Scope = found.Scope
	if asked.Resource == nil {
		asked.Resource = []string{found.Resource}
	}
	return signedIn(ctx, options, asked)
}

// APIMetadata is the protected resource metadata of an API (RFC 9728).
type APIMetadata struct {
	// Resource is the API's resource identifier, for SignInOptions.Resource.
	Resource string `json:"resource"`
	// Issuer is the issuer of the API's authorization server.
	Issuer          string   `json:"issuer"`
	ScopesSupported []string `json:"scopes_supported"`
}

// DiscoverAPI fetches an API's protected resource metadata (RFC 9728). base sends the requests; nil: http.DefaultTransport.
func DiscoverAPI(ctx context.Context, api string, base http.RoundTripper) (APIMetadata, error) {
	var found APIMetadata
	err := ask(ctx, &served{transport: base}, message{"do": "discover_resource", "resource": api}, &found)
	return found, err
}

// Registration is the client metadata to register at a server.
type Registration struct {
	// Name is the client name shown to users on the consent page.
	Name string
	// RedirectURI is the redirect URI. Defaults to loopback, on any port.
	RedirectURI string
	Scope       string
	// Device means that the client also uses the device flow.
	Device bool
}

// RegisteredClient is the result of Register, for the Options of the same names. Keep it: each registration is a new client.
type RegisteredClient struct {
	ClientID     string     `json:"client_id"`
	ClientSecret string     `json:"client_secret,omitempty"`
	ClientAuth   ClientAuth `json:"client_auth,omitempty"`
}

// Register registers this program at a server with open registration (RFC 7591). server is the result of Discover. base sends the
// request; nil: http.DefaultTransport.
func Register(ctx context.Context, server json.RawMessage, client Registration, base http.RoundTripper) (RegisteredClient, error) {
	told := message{"name": client.Name, "device": client.Device}
	addTexts(told, map[string]string{"scope": client.Scope, "redirect_uri": client.RedirectURI})
	var registered RegisteredClient
	err := ask(ctx, &served{transport: base}, message{"do": "register", "server": server, "client": told}, &registered)
	return registered, err
}

func isWebAddress(server string) bool {
	scheme, _, found := strings.Cut(server, ":")
	return found && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// Makes a call that belongs to no session, with the given transport and store.
func ask(ctx context.Context, with *served, asked message, into any) error {
	driver, err := shared()
	if err != nil {
		return err
	}
	if with.transport == nil {
		with.transport = http.DefaultTransport
	}
	with.context, with.end = context.WithCancel(context.Background())
	defer with.end()
	number := driver.number()
	driver.serveFor(number, with)
	defer driver.forget(number)
	asked["session"] = number
	return driver.call(ctx, asked, into)
}

// Format shows no secret, whatever the verb.
func (c RegisteredClient) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.RegisteredClient{ClientID: %q}", c.ClientID)
}
