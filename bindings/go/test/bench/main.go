// Command bench compares rekindle with golang.org/x/oauth2 and with a bare http.Client: what goes wrong, and what it costs.
// `cargo xtask bench go` writes its output to benches/results/go.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
)

func main() {
	serves := flag.Bool("serve", false, "be the server that requests are sent to, until the input ends")
	quick := flag.Bool("quick", false, "a tenth of the requests")
	profile := flag.String("profile", "", "write a CPU profile of requests through session.Transport to this file, and nothing else")
	flag.Parse()
	if *serves {
		serve()
		return
	}
	size := 3_000
	if *quick {
		size = 300
	}
	if *profile != "" {
		profiled(*profile, size)
		return
	}
	fmt.Print("# rekindle for Go, measured\n\nWritten by `cargo xtask bench go`.\n")
	fmt.Print("\n## What goes wrong\n\n", correctness(), explanation)
	fmt.Print("\n## What it costs\n\n", speed(size))
	fmt.Printf("\n%s; golang.org/x/oauth2 %s; %d cores, %s %s\n", runtime.Version(), version("golang.org/x/oauth2"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, one := range info.Deps {
		if one.Path == module {
			return one.Version
		}
	}
	return "?"
}

func profiled(path string, size int) {
	file := need(os.Create(path))
	url, end := served()
	defer end()
	through := transported(url)
	through.requests(size)
	check(pprof.StartCPUProfile(file))
	through.requests(100 * size)
	pprof.StopCPUProfile()
	check(file.Close())
}

func need[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
