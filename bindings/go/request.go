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

// Request is what Client.Send sends. Zero values are the defaults. It has one body: JSON, Form or Body.
type Request struct {
	// Method; empty: GET.
	Method string
	// Path is below the base URL, or a URL.
	Path string
	// Query is added to the path's.
	Query  url.Values
	Header http.Header
	// JSON is sent as JSON.
	JSON any
	// Form is sent as a form.
	Form url.Values
	// Body can be sent again if it is of bytes or of a text, as with http.NewRequest, or a file (*os.File), which is sent from where it is to
	// its end, with its length, and stays open.
	Body io.Reader
	// Timeout in place of the client's; 0: the client's; negative: none.
	Timeout time.Duration
	// IdempotencyKey is sent as Idempotency-Key: then a POST may be retried, too.
	IdempotencyKey string
	// Streamed: the body is read as it comes; neither limit nor, after its beginning, deadline hold for it.
	Streamed bool
	// NoRedirects: a redirect is the answer.
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
	// Its URL is the core's to make.
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

// Each send reads the file for itself. What has no length, a pipe say, is sent once.
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
			// Its message may quote what was to be sent.
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
