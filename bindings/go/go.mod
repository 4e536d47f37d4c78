module rekindle.dev/rekindle

go 1.26
