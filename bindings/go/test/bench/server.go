package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// An API and its authorization server. Refresh tokens are rotated; one that is sent twice ends the sign-in.
type server struct {
	*httptest.Server
	mutex      sync.Mutex
	generation int
	refreshes  int
	lost       bool
	// Token requests wait until it is closed; nil: they don't.
	hangs chan struct{}
}

func start() *server {
	s := &server{generation: 1}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			s.refresh(w, r)
			return
		}
		s.mutex.Lock()
		good := !s.lost && s.generation > 1 && r.Header.Get("Authorization") == fmt.Sprintf("Bearer AT-%d", s.generation)
		s.mutex.Unlock()
		answer(w, good)
	}))
	return s
}

func (s *server) refresh(w http.ResponseWriter, r *http.Request) {
	if s.hangs != nil {
		<-s.hangs
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if s.lost = s.lost || r.FormValue("refresh_token") != fmt.Sprintf("RT-%d", s.generation); s.lost {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	s.generation++
	s.refreshes++
	fmt.Fprintf(w, `{"access_token":"AT-%d","refresh_token":"RT-%d","token_type":"Bearer","expires_in":3600}`, s.generation, s.generation)
}

func (s *server) outcome() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.lost {
		return "signed out by the server"
	}
	return fmt.Sprintf("refreshes: %d", s.refreshes)
}

func answer(w http.ResponseWriter, good bool) {
	w.Header().Set("Content-Type", "application/json")
	if !good {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	fmt.Fprint(w, `{"ok":true}`)
}

// The server of the other process: one token, which is always valid.
func serve() {
	one := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, r.Header.Get("Authorization") == "Bearer AT-2")
	}))
	fmt.Println(one.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A server in a process of its own, so that the CPU of this process is the client's.
func served() (url string, end func()) {
	command := exec.Command(need(os.Executable()), "-serve")
	command.Stderr = os.Stderr
	input, output := need(command.StdinPipe()), need(command.StdoutPipe())
	check(command.Start())
	line := need(bufio.NewReader(output).ReadString('\n'))
	return strings.TrimSpace(line), func() {
		input.Close()
		_ = command.Wait()
	}
}
