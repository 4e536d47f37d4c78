package rekindle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Request is a request for Client.Send. Zero values are the defaults. Set at most one of JSON, Form and Body.
type Request struct {
	// Method is the HTTP method. Defaults to GET.
	Method string
	// Path is relative to the base URL, or a URL.
	Path string
	// Query is added to the query of Path.
	Query  url.Values
	Header http.Header
	// JSON is encoded as the body.
	JSON any
	// Form is sent as application/x-www-form-urlencoded.
	Form url.Values
	// Body can be sent again if it is a *bytes.Buffer, *bytes.Reader or *strings.Reader, as with http.NewRequest, or an *os.File, which is
	// sent from its current offset to its end, with its length, and stays open.
	Body io.Reader
	// Timeout replaces the client's timeout; 0: the client's; negative: none.
	Timeout time.Duration
	// IdempotencyKey is sent as Idempotency-Key; with it, a POST may be retried, too.
	IdempotencyKey string
	// Streamed returns the response before its body has arrived. The limit does not apply to it, and the deadline only to its beginning.
	Streamed bool
	// NoRedirects returns redirects instead of following them.
	NoRedirects bool
}

// Format shows no secret, whatever the verb.
func (r Request) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "rekindle.Request{Method: %q, Path: %q}", r.Method, place(r.Path))
}

func (c *Client) send(ctx context.Context, asked Request, reading string) (*http.Response, error) {
	body, kind, err := asked.content()
	if err != nil {
		return nil, err
	}
	// The core completes the URL.
	request, err := http.NewRequestWithContext(ctx, asked.Method, "", body)
	if err != nil {
		return nil, invalid("method", "the method can't be sent: give a word, such as GET")
	}
	if file, ok := body.(*os.File); ok {
		if err := fromFile(request, file); err != nil {
			return nil, err
		}
	}
	request.Header = asked.Header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if kind != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", kind)
	}
	if asked.IdempotencyKey != "" {
		request.Header.Set("Idempotency-Key", asked.IdempotencyKey)
	}
	how := plan{url: asked.url(), reading: reading, noRedirects: asked.NoRedirects}
	switch {
	case asked.Timeout < 0:
		how.timeout = new(int64)
	case asked.Timeout > 0:
		how.timeout = new(max(asked.Timeout.Milliseconds(), 1))
	}
	return c.exchange(ctx, request, how)
}

// Each send reads the file separately. A file without a length, such as a pipe, is sent once.
func fromFile(request *http.Request, file *os.File) error {
	told, err := file.Stat()
	if err != nil {
		return invalid("body", "the file can't be read: is it open?")
	}
	from, err := file.Seek(0, io.SeekCurrent)
	if err != nil || !told.Mode().IsRegular() {
		return nil
	}
	length := max(told.Size()-from, 0)
	request.ContentLength = length
	request.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(file, from, length)), nil
	}
	request.Body, err = request.GetBody()
	if length == 0 {
		request.Body = http.NoBody
	}
	return err
}

func (r *Request) content() (io.Reader, string, error) {
	given := 0
	for _, one := range []bool{r.JSON != nil, r.Form != nil, r.Body != nil} {
		if one {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, "", invalid("body", "a request has one body: give JSON, Form or Body")
	case r.JSON != nil:
		text, err := json.Marshal(r.JSON)
		if err != nil {
			// The message may quote the body.
			return nil, "", invalid("json", fmt.Sprintf("a %T cannot be written as JSON", r.JSON))
		}
		return bytes.NewReader(text), "application/json", nil
	case r.Form != nil:
		return strings.NewReader(r.Form.Encode()), "application/x-www-form-urlencoded", nil
	}
	return r.Body, "", nil
}

func (r *Request) url() string {
	if len(r.Query) == 0 {
		return r.Path
	}
	before, fragment, _ := strings.Cut(r.Path, "#")
	joint := "?"
	if strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&") {
		joint = ""
	} else if strings.Contains(before, "?") {
		joint = "&"
	}
	before += joint + r.Query.Encode()
	if fragment != "" {
		before += "#" + fragment
	}
	return before
}
