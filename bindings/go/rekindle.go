// Package rekindle keeps API sessions alive: it detects that an access token has expired, refreshes it once for any number of
// goroutines, and sends a request again where that is safe.
//
//	session, err := rekindle.NewSession(rekindle.Options{
//		TokenURL: "https://auth.example.com/token",
//		ClientID: "app",
//		Tokens:   &rekindle.Tokens{AccessToken: access, RefreshToken: refresh},
//		Origins:  []string{"https://api.example.com"},
//	})
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//	response, err := session.Client().Get("https://api.example.com/users")
//
// The refresh logic is the Rust core, translated to Go source: no cgo and no dependencies.
package rekindle
