package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	wasm "github.com/tetratelabs/wazero/api"
	"rekindle.dev/rekindle/internal/core"
)

// A core as its host sees it: bindings/hosted/ABI.md.
type instance interface {
	alloc(length int) uint32
	memory() []byte
	make(seed, boot uint32, bootLength int) uint32
	turn(handle uint32, mono, wall float64, input uint32, length int) uint32
	outputLength(handle uint32) uint32
	tag(handle, session uint32, mono, wall float64) uint32
}

// The Go source that wasm2go made says, byte for byte, what the WebAssembly module says that it was made of: for each preset, through
// refreshes, responses that report an expired token, retries, GraphQL and the signing in.
func TestTheTranslatedCoreSaysWhatTheModuleSays(t *testing.T) {
	runtime := wazero.NewRuntime(t.Context())
	defer runtime.Close(t.Context())
	file, err := os.ReadFile(needed(t, "REKINDLE_MODULE"))
	must(t, err)
	compiled, err := runtime.CompileModule(t.Context(), file)
	must(t, err)
	if imports := compiled.ImportedFunctions(); len(imports) != 0 {
		t.Fatalf("it imports %v", imports)
	}
	presets, err := filepath.Glob("../../../core/proto/presets/*.toml")
	must(t, err)
	if len(presets) < 20 {
		t.Fatalf("%d presets", len(presets))
	}
	for _, preset := range presets {
		name := strings.TrimSuffix(filepath.Base(preset), ".toml")
		t.Run(name, func(t *testing.T) {
			module, err := runtime.InstantiateModule(t.Context(), compiled, wazero.NewModuleConfig().WithName(name))
			must(t, err)
			defer module.Close(t.Context())
			newPair(t, translated{core.New()}, interpreted{t, module}).play(name)
		})
	}
}

// What a dialect leaves open, in the error that says so.
var named = regexp.MustCompile("needs the variable `(\\w+)`")

// Both, driven alike.
type pair struct {
	t       *testing.T
	both    [2]instance
	handles [2]uint32
	mono    float64
	call    int
	turns   int
}

func newPair(t *testing.T, one, other instance) *pair {
	p := &pair{t: t, both: [2]instance{one, other}, mono: 1000}
	for at, it := range p.both {
		seed := it.alloc(32)
		copy(it.memory()[seed:], bytes.Repeat([]byte{7}, 32))
		p.handles[at] = it.make(seed, 0, 0)
	}
	return p
}

func (p *pair) play(preset string) {
	variables, refused := map[string]string{}, map[string]string(nil)
	for range 8 {
		refused = p.ask(map[string]any{"do": "session", "session": 1, "settings": map[string]any{
			"dialect": preset, "token_url": "https://auth.example.com/token", "client_id": "app", "client_secret": "s",
			"origins": []string{"https://api.example.com"}, "variables": variables, "background": false,
			"tokens": map[string]any{"access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 900},
		}})
		missing := named.FindStringSubmatch(refused["message"])
		if missing == nil {
			break
		}
		variables[missing[1]] = "https://auth.example.com"
	}
	if refused != nil {
		p.t.Fatal(refused)
	}
	for _, status := range []int{200, 400, 401, 403, 429, 500, 503} {
		for _, body := range []string{"", `{"error":"invalid_token"}`, `{"code":"token_expired","message":"JWT expired"}`, `{"errors":[{"message":"m","extensions":{"code":"UNAUTHENTICATED"}}]}`, "<html>é</html>"} {
			p.request(status, body)
		}
	}
	for _, do := range []string{"token", "refresh", "force_refresh", "status", "stats", "begin_sign_in"} {
		p.ask(map[string]any{"do": do, "session": 1, "asked": map[string]any{"redirect_uri": "http://127.0.0.1:49152/callback"}})
	}
	p.mono += 3_600_000
	p.ask(map[string]any{"do": "token", "session": 1})
	p.ask(map[string]any{"do": "sign_out", "session": 1})
	if p.turns < 100 {
		p.t.Errorf("%d turns", p.turns)
	}
}

// Begins a request and answers it.
func (p *pair) request(status int, body string) {
	p.ask(map[string]any{"do": "begin", "session": 1, "request": p.call, "method": "GET", "url": "https://api.example.com/data"})
	request := p.call - 1
	p.ask(map[string]any{
		"do": "answered", "request": request, "status": status, "body": body,
		"headers": [][]string{{"content-type", "application/json"}, {"www-authenticate", `Bearer error="invalid_token"`}, {"retry-after", "3"}},
	})
	p.turn([]any{map[string]any{"do": "end", "request": request}})
}

// One call, through the token requests that it needs, until it is answered: kind and message of its error, if it is one.
func (p *pair) ask(message map[string]any) map[string]string {
	message["call"] = p.call
	p.call++
	messages := []any{message}
	for range 40 {
		said := p.turn(messages)
		messages = nil
		for _, effect := range said.Effects {
			switch effect.Effect {
			case "done":
				return effect.Error
			case "send":
				messages = append(messages, map[string]any{
					"do": "answer", "op": effect.Op, "status": 200, "headers": [][]string{{"content-type", "application/json"}},
					"body": fmt.Sprintf(`{"access_token":"AT-%d","access":"AT","refresh_token":"RT-%d","refresh":"RT","expires_in":900,"token_type":"Bearer"}`, p.call, p.call),
				})
			}
		}
		if messages == nil && said.Due != nil {
			p.mono = max(p.mono, *said.Due)
		}
	}
	p.t.Fatalf("no answer to %v", message)
	return nil
}

type heard struct {
	Effects []struct {
		Effect string
		Op     uint64
		Error  map[string]string
	}
	Due *float64 `json:"due_ms"`
}

func (p *pair) turn(messages []any) heard {
	if messages == nil {
		messages = []any{}
	}
	input, err := json.Marshal(messages)
	must(p.t, err)
	var outputs [2][]byte
	var tags [2]uint32
	wall := 1_893_456_000_000 + p.mono
	for at, it := range p.both {
		memory := it.alloc(len(input))
		copy(it.memory()[memory:], input)
		output := it.turn(p.handles[at], p.mono, wall, memory, len(input))
		outputs[at] = bytes.Clone(it.memory()[output : output+it.outputLength(p.handles[at])])
		tags[at] = it.tag(p.handles[at], 1, p.mono, wall)
	}
	if !bytes.Equal(outputs[0], outputs[1]) || tags[0] != tags[1] {
		p.t.Fatalf("%s:\n%s %d\n%s %d", input, outputs[0], tags[0], outputs[1], tags[1])
	}
	p.turns++
	p.mono++
	var said heard
	// An error holds more than texts: what is none stays empty.
	_ = json.Unmarshal(outputs[0], &said)
	return said
}

type translated struct{ inner *core.Module }

func (m translated) alloc(length int) uint32 { return uint32(m.inner.Xrekindle_alloc(int32(length))) }
func (m translated) memory() []byte          { return *m.inner.Xmemory().Slice() }
func (m translated) make(seed, boot uint32, length int) uint32 {
	return uint32(m.inner.Xrekindle_new(int32(seed), int32(boot), int32(length)))
}
func (m translated) turn(handle uint32, mono, wall float64, input uint32, length int) uint32 {
	return uint32(m.inner.Xrekindle_turn(int32(handle), mono, wall, int32(input), int32(length)))
}
func (m translated) outputLength(handle uint32) uint32 {
	return uint32(m.inner.Xrekindle_output_length(int32(handle)))
}
func (m translated) tag(handle, session uint32, mono, wall float64) uint32 {
	return uint32(m.inner.Xrekindle_tag(int32(handle), int32(session), mono, wall))
}

type interpreted struct {
	t     *testing.T
	inner wasm.Module
}

func (m interpreted) call(name string, arguments ...uint64) uint32 {
	results, err := m.inner.ExportedFunction(name).Call(context.Background(), arguments...)
	must(m.t, err)
	return uint32(results[0])
}

func (m interpreted) alloc(length int) uint32 { return m.call("rekindle_alloc", uint64(length)) }
func (m interpreted) memory() []byte {
	memory, _ := m.inner.Memory().Read(0, m.inner.Memory().Size())
	return memory
}
func (m interpreted) make(seed, boot uint32, length int) uint32 {
	return m.call("rekindle_new", uint64(seed), uint64(boot), uint64(length))
}
func (m interpreted) turn(handle uint32, mono, wall float64, input uint32, length int) uint32 {
	return m.call("rekindle_turn", uint64(handle), wasm.EncodeF64(mono), wasm.EncodeF64(wall), uint64(input), uint64(length))
}
func (m interpreted) outputLength(handle uint32) uint32 {
	return m.call("rekindle_output_length", uint64(handle))
}
func (m interpreted) tag(handle, session uint32, mono, wall float64) uint32 {
	return m.call("rekindle_tag", uint64(handle), uint64(session), wasm.EncodeF64(mono), wasm.EncodeF64(wall))
}
