//go:build unix

package rekindle

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Another process: this program once more, in a role.
type child struct {
	*exec.Cmd
	lines *bufio.Reader
}

func TestMain(m *testing.M) {
	if role := os.Getenv("REKINDLE_ROLE"); role != "" {
		os.Exit(inRole(role, os.Getenv("REKINDLE_FILE"), os.Getenv("REKINDLE_URL")))
	}
	os.Exit(m.Run())
}

func startChild(t *testing.T, role, file, url string) *child {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "REKINDLE_ROLE="+role, "REKINDLE_FILE="+file, "REKINDLE_URL="+url)
	command.Stderr = os.Stderr
	// It ends with its input.
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); input.Close(); _ = command.Wait() })
	return &child{command, bufio.NewReader(output)}
}

func (c *child) says(t *testing.T, wanted string) {
	t.Helper()
	if line, err := c.lines.ReadString('\n'); strings.TrimSpace(line) != wanted {
		t.Fatalf("it says %q (%v) instead of %q", line, err, wanted)
	}
}

func inRole(role, file, url string) int {
	store := NewFileStore(file)
	if role == "announce" {
		_ = store.Announce(context.Background(), "default", "a1")
		fmt.Println("announced")
		_, _ = io.ReadAll(os.Stdin)
		return 0
	}
	session, err := NewSession(Options{TokenURL: url + "/token", ClientID: "app", Origins: []string{url}, Store: store, Tokens: expired()})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started")
	token, err := session.Token(context.Background())
	fmt.Println(token.Value(), err)
	if err := session.Close(); err != nil {
		fmt.Println(err)
	}
	return 0
}

func expired() *Tokens {
	return &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1", ExpiresAt: time.Unix(1_700_000_000, 0)}
}

// spec 4.2, 4.4
func TestThreeProcessesOnOneFileMakeOneRefresh(t *testing.T) {
	a, file := newAPI(t), fileStore(t).Path()
	children := []*child{startChild(t, "refresh", file, a.URL), startChild(t, "refresh", file, a.URL), startChild(t, "refresh", file, a.URL)}
	for _, one := range children {
		one.says(t, "started")
	}
	for _, one := range children {
		one.says(t, "AT-2 <nil>")
	}
	if a.refreshes.Load() != 1 {
		t.Fatalf("%d refreshes", a.refreshes.Load())
	}
}

// spec 4.5
func TestAProcessThatIsStoppedInMidFlightBlocksNobodyAndLosesNothing(t *testing.T) {
	a, file := newAPI(t), fileStore(t).Path()
	release := a.holdAnswers()
	first := startChild(t, "refresh", file, a.URL)
	first.says(t, "started")
	<-a.reached
	must(t, first.Process.Signal(syscall.SIGSTOP))
	second, third := startChild(t, "refresh", file, a.URL), startChild(t, "refresh", file, a.URL)
	second.says(t, "started")
	third.says(t, "started")
	// The file can be read and written meanwhile.
	if record, err := NewFileStore(file).Load(t.Context(), "default"); record == nil || err != nil {
		t.Fatal(err)
	}
	release()
	must(t, first.Process.Signal(syscall.SIGCONT))
	for _, one := range []*child{first, second, third} {
		one.says(t, "AT-2 <nil>")
	}
	if a.refreshes.Load() != 1 {
		t.Fatalf("%d refreshes", a.refreshes.Load())
	}
}

// spec 7.4
func TestAProcessThatIsKilledInMidFlightIsNotWaitedFor(t *testing.T) {
	a, file := newAPI(t), fileStore(t).Path()
	release := a.holdAnswers()
	first := startChild(t, "refresh", file, a.URL)
	first.says(t, "started")
	<-a.reached
	must(t, first.Process.Kill())
	_ = first.Wait()
	// The answer that nobody heard was a refusal: the refresh token is as good as before.
	a.refreshes.Store(0)
	release()
	second, third := startChild(t, "refresh", file, a.URL), startChild(t, "refresh", file, a.URL)
	for _, one := range []*child{second, third} {
		one.says(t, "started")
		one.says(t, "AT-2 <nil>")
	}
	if a.refreshes.Load() != 1 {
		t.Fatalf("%d refreshes", a.refreshes.Load())
	}
}
