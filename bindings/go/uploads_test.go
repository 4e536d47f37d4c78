package rekindle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const uploadLength = 20 << 20

// A server that turns an ended token away as soon as the head has come; else it tells what came of the body.
func uploadServer(t *testing.T) (*Session, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
		case r.Header.Get("Authorization") != "Bearer AT-2":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			hash := sha256.New()
			_, _ = io.Copy(hash, r.Body)
			fmt.Fprintf(w, "%d %x", r.ContentLength, hash.Sum(nil))
		}
	}))
	t.Cleanup(server.Close)
	session, err := NewSession(Options{TokenURL: server.URL + "/token", Origins: []string{server.URL}, Tokens: turnedAway()})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session, server.URL
}

func uploadFile(t *testing.T) (*os.File, []byte) {
	t.Helper()
	content := []byte(strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz!", uploadLength/37))
	path := filepath.Join(t.TempDir(), "up")
	must(t, os.WriteFile(path, content, 0o600))
	file, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file, content
}

func mustBeWhole(t *testing.T, response *http.Response, length int, content []byte) {
	t.Helper()
	defer response.Body.Close()
	told, err := io.ReadAll(response.Body)
	must(t, err)
	if wanted := fmt.Sprintf("%d %x", length, sha256.Sum256(content)); string(told) != wanted {
		t.Fatalf("%d: %q, not %q", response.StatusCode, told, wanted)
	}
}

// spec 11.1
func TestAFileThatIsTurnedAwayInItsMidstIsSentAgainWholeWithItsLength(t *testing.T) {
	session, url := uploadServer(t)
	client, err := NewClient(session, ClientOptions{BaseURL: url})
	must(t, err)
	file, content := uploadFile(t)
	response, err := client.Send(t.Context(), Request{Method: http.MethodPut, Path: "/up", Body: file})
	must(t, err)
	mustBeWhole(t, response, len(content), content)
	// From where it is to its end; and it is still open.
	_, err = file.Seek(37, io.SeekStart)
	must(t, err)
	session.Invalidate()
	response, err = client.Send(t.Context(), Request{Method: http.MethodPut, Path: "/up", Body: file})
	must(t, err)
	mustBeWhole(t, response, len(content)-37, content[37:])
}

// spec 11.1: the last reader is gone before GetBody winds the one file back.
func TestABodyThatIsWoundBackIsSentAgainWhole(t *testing.T) {
	session, url := uploadServer(t)
	file, content := uploadFile(t)
	request, err := http.NewRequest(http.MethodPut, url+"/up", io.NopCloser(file))
	must(t, err)
	request.ContentLength = int64(len(content))
	request.GetBody = func() (io.ReadCloser, error) {
		_, err := file.Seek(0, io.SeekStart)
		return io.NopCloser(file), err
	}
	response, err := session.Client().Do(request)
	must(t, err)
	mustBeWhole(t, response, len(content), content)
	if judged, _ := Judged(response); judged.Verdict != "accepted" {
		t.Fatalf("%+v", judged)
	}
}

// spec 3.4
func TestABodyThatCannotBeReadTwiceIsAnsweredWithTheReason(t *testing.T) {
	session, url := uploadServer(t)
	request, err := http.NewRequest(http.MethodPut, url+"/up", io.NopCloser(strings.NewReader("once")))
	must(t, err)
	response, err := session.Client().Do(request)
	must(t, err)
	defer response.Body.Close()
	if judged, _ := Judged(response); response.StatusCode != 401 || judged.ReplayRefused != "body_not_replayable" {
		t.Fatalf("%d %+v", response.StatusCode, judged)
	}
}

// spec 11.3
func TestABodyThatWasClosedIsNotSilentlyEmpty(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "why")
	}))
	t.Cleanup(server.Close)
	session, err := NewSession(Options{TokenURL: server.URL, Origins: []string{server.URL}, Tokens: turnedAway()})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	response, err := session.Client().Get(server.URL)
	must(t, err)
	told, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	if _, err = io.ReadAll(response.Body); string(told) != "why" || !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Fatalf("%q %v", told, err)
	}
}

// spec 10.1
func TestThatASignInIsNeededIsNeverDropped(t *testing.T) {
	var heard listeners[Event]
	one := heard.add(mostKept)
	heard.tell(Event{Name: "LoginRequired"})
	for range 2 * mostKept {
		heard.tell(Event{Name: "Retried"})
	}
	events, _ := heard.take(one)
	if len(events) != mostKept || events[0].Name != "LoginRequired" {
		t.Fatalf("%d, %v", len(events), events[0])
	}
}

// spec 5.19
func TestWhatARefreshFunctionReturnsIsTheCause(t *testing.T) {
	own := errors.New("a text with SECRET")
	refresh := func(_ context.Context, input RefreshInput) (Tokens, error) { return Tokens{}, own }
	session, err := NewSession(Options{TokenURL: "https://auth.example.com/token", Refresh: refresh, Tokens: turnedAway()})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	_, err = session.Refresh(t.Context())
	if !errors.Is(err, own) || strings.Contains(err.Error(), "SECRET") {
		t.Fatal(err)
	}
}

// spec 5.19
func TestARefreshFunctionThatPanicsIsTheCauseAndItsTokenMayBeSpent(t *testing.T) {
	own := errors.New("a text with SECRET")
	calls := 0
	refresh := func(_ context.Context, input RefreshInput) (Tokens, error) {
		calls++
		panic(own)
	}
	session, err := NewSession(Options{TokenURL: "https://auth.example.com/token", Refresh: refresh, Tokens: turnedAway(), Rotation: RotationNone})
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	_, err = session.Refresh(t.Context())
	if !errors.Is(err, own) || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "panicked") {
		t.Fatal(err)
	}
	if calls == 0 {
		t.Fatal("it was not called")
	}
}

// Tokens that look valid and that the server does not take.
func turnedAway() *Tokens { return &Tokens{AccessToken: "AT-1", RefreshToken: "RT-1"} }
