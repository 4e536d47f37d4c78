package rekindle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostHead = 32 << 10
	// A connection that sends nothing for this long is not the browser's.
	mostSilence = 10 * time.Second
	// Other programs on this machine must not be able to block the browser.
	mostConnections = 64
)

// SignInWithBrowser signs in with a browser on this machine, which is redirected to a loopback port. The user has five minutes, or
// until the context ends.
func (s *Session) SignInWithBrowser(ctx context.Context, options SignInOptions) error {
	return s.withBrowser(ctx, options, func(pending, callback string) error {
		_, err := s.FinishSignIn(ctx, pending, callback)
		return err
	})
}

func (s *Session) withBrowser(ctx context.Context, options SignInOptions, finish func(pending, callback string) error) error {
	open := options.Open
	if open == nil {
		open = openBrowser
	}
	var place struct {
		Host    string `json:"host"`
		Port    int    `json:"port"`
		Path    string `json:"path"`
		Timeout int64  `json:"timeout_ms"`
	}
	if err := s.call(ctx, message{"do": "loopback", "asked": options.asked()}, &place); err != nil {
		return err
	}
	receiver, err := listenFor(place.Host, place.Port)
	if err != nil {
		return err
	}
	defer receiver.close()
	options.RedirectURI = "http://" + net.JoinHostPort(strings.Trim(place.Host, "[]"), strconv.Itoa(receiver.port)) + place.Path
	begun, err := s.BeginSignIn(ctx, options)
	if err != nil {
		return err
	}
	patience := time.Duration(place.Timeout) * time.Millisecond
	late := &Error{Kind: ErrTimeout, Message: fmt.Sprintf("the browser did not return within %s: start the sign-in again", patience)}
	waiting, end := context.WithTimeoutCause(ctx, patience, late)
	defer end()
	receiver.receive(func(head string) (answer callbackAnswer, err error) {
		err = s.call(waiting, message{"do": "callback_received", "pending": begun.Pending(), "redirect_uri": options.RedirectURI, "head": head}, &answer)
		return answer, err
	})
	if err := open(begun.URL); err != nil {
		return err
	}
	select {
	case callback := <-receiver.callback:
		receiver.close()
		return finish(begun.Pending(), callback)
	case <-waiting.Done():
		return context.Cause(waiting)
	}
}

type callbackAnswer struct {
	Response string  `json:"response"`
	Callback *string `json:"callback"`
}

// The port that the browser returns to.
type loopback struct {
	port      int
	listeners []net.Listener
	callback  chan string
	// One for each connection.
	places  chan struct{}
	closing sync.Once
}

func listenFor(host string, port int) (*loopback, error) {
	addresses := []string{strings.Trim(host, "[]")}
	if host == "localhost" {
		// A browser may use either address family.
		addresses = []string{"127.0.0.1", "::1"}
	}
	for tries := 1; ; tries++ {
		receiver, err := listenOn(addresses, port)
		if err == nil {
			return receiver, nil
		}
		// A port that is free in one address family may be in use in the other.
		if port != 0 || tries == 8 {
			text := fmt.Sprintf("port %d on loopback can't be opened (%v): end the program that has it, take a redirect URI with a free port, or sign in with a device code", port, err)
			return nil, &Error{Kind: ErrSystem, Message: text, Argument: "redirect_uri", cause: err}
		}
	}
}

func listenOn(addresses []string, port int) (*loopback, error) {
	receiver := &loopback{port: port, callback: make(chan string, 1), places: make(chan struct{}, mostConnections)}
	for _, address := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(receiver.port)))
		if err != nil {
			// Some machines have only one address family. A port that is in use is another program's.
			if len(receiver.listeners) > 0 && isMissing(address) {
				continue
			}
			receiver.close()
			return nil, err
		}
		receiver.listeners = append(receiver.listeners, listener)
		receiver.port = listener.Addr().(*net.TCPAddr).Port
	}
	return receiver, nil
}

// Whether the error says that this machine has no such address.
func isMissing(address string) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err == nil {
		listener.Close()
	}
	return err != nil
}

func (l *loopback) receive(judge func(head string) (callbackAnswer, error)) {
	for _, listener := range l.listeners {
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				select {
				case l.places <- struct{}{}:
					go func() {
						defer func() { <-l.places }()
						l.answer(connection, judge)
					}()
				default:
					connection.Close()
				}
			}
		}()
	}
}

// Reads the one request of a connection.
func (l *loopback) answer(connection net.Conn, judge func(head string) (callbackAnswer, error)) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(mostSilence))
	head, whole := readHead(connection)
	if !whole {
		return
	}
	answer, err := judge(head)
	if err != nil {
		return
	}
	_, _ = connection.Write([]byte(answer.Response))
	if answer.Callback != nil {
		select {
		case l.callback <- *answer.Callback:
		default:
		}
	}
}

func readHead(connection net.Conn) (string, bool) {
	var head []byte
	piece := make([]byte, 4096)
	for len(head) <= mostHead {
		count, err := connection.Read(piece)
		head = append(head, piece[:count]...)
		if end := bytes.Index(head, []byte("\r\n\r\n")); end >= 0 {
			return strings.ToValidUTF8(string(head[:end+4]), "?"), true
		}
		if err != nil {
			break
		}
	}
	return "", false
}

func (l *loopback) close() {
	l.closing.Do(func() {
		for _, listener := range l.listeners {
			listener.Close()
		}
	})
}

// Opens the browser that $BROWSER names, else the system's. The URL is not passed through a shell.
func openBrowser(url string) error {
	var commands [][]string
	for _, name := range strings.Split(os.Getenv("BROWSER"), string(os.PathListSeparator)) {
		if name != "" {
			commands = append(commands, []string{name})
		}
	}
	switch runtime.GOOS {
	case "darwin":
		commands = append(commands, []string{"open"})
	case "windows":
		commands = append(commands, []string{"rundll32", "url.dll,FileProtocolHandler"})
	default:
		commands = append(commands, []string{"xdg-open"}, []string{"wslview"})
	}
	var failures []error
	for _, words := range commands {
		command := exec.Command(words[0], append(words[1:], url)...)
		err := command.Start()
		if err == nil {
			go func() { _ = command.Wait() }()
			return nil
		}
		failures = append(failures, err)
	}
	text := "no browser could be opened on this machine: give open, which shows the address to the user, or sign in with a device code"
	return &Error{Kind: ErrSystem, Message: text, cause: errors.Join(failures...)}
}
