package rekindle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// spec 2.11
func TestARedirectToTheLoginPageIsNotFollowed(t *testing.T) {
	asked := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch {
		case r.URL.Path == "/token":
			fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","expires_in":3600}`)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/data", http.StatusFound)
		case r.URL.Path == "/never" || r.Header.Get("Authorization") == "Bearer AT-1":
			http.Redirect(w, r, "/login?next=1", http.StatusFound)
		}
	}))
	defer server.Close()
	rule := map[string]any{"status": "3xx", "location": true, "equals": "/login", "verdict": "expired", "applied": "no"}
	client := func() *http.Client {
		asked = asked[:0]
		session, err := NewSession(Options{
			TokenURL: server.URL + "/token", Origins: []string{server.URL}, Tokens: turnedAway(), Alone: true,
			DialectData: map[string]any{"api": map[string]any{"rules": []any{rule}}},
		})
		must(t, err)
		t.Cleanup(func() { _ = session.Close() })
		return &http.Client{Transport: session.Transport(nil)}
	}
	response, err := client().Get(server.URL + "/moved")
	must(t, err)
	response.Body.Close()
	if told := fmt.Sprint(response.StatusCode, asked); told != "200 [/moved /data /token /data]" {
		t.Fatal(told)
	}
	response, err = client().Get(server.URL + "/never")
	must(t, err)
	response.Body.Close()
	judged, _ := Judged(response)
	if told := fmt.Sprint(response.StatusCode, asked, judged.ReplayRefused); told != "302 [/never /token /never]fresh_token_rejected" {
		t.Fatal(told)
	}
}
