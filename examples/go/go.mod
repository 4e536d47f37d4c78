module rekindle.dev/examples

go 1.26

require rekindle.dev/rekindle v0.0.0

replace rekindle.dev/rekindle => ../../bindings/go
