module rekindle.dev/rekindle/tokensource

go 1.26.0

require rekindle.dev/rekindle v0.0.0

require golang.org/x/oauth2 v0.38.0

replace rekindle.dev/rekindle => ../
