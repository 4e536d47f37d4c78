package rekindle

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync"
)

// Runs the core's turns, one at a time: passes messages in, and carries out the effects.
type driver struct {
	clock clock

	// Held while a session is created or released. Lock it before the other mutex.
	sharing sync.Mutex
	shared  map[string]sharedSession

	mutex    sync.Mutex
	module   *module
	sessions map[uint32]*registration
	clients  map[uint32]message
	// By request: called when its deadline has passed.
	deadlines map[uint32]func(*Error)
	waiting   map[uint32]waiter
	running   map[uint64]*task
	// `end` messages, sent with the next turn, because a turn is expensive and nothing waits for them.
	ended []message
	next  uint32
	// Counts the restarts of the core.
	instances uint64
	timer     func()
	due       *float64
	// Calls of stores that are in progress.
	storeCalls int
}

// What is needed to recreate a session after the core failed.
type registration struct {
	settings message
	served   *served
	// When the session was created, on the monotonic clock.
	at float64
}

// Tokens whose lifetime is reduced by the time that has passed since they were given.
func aged(tokens message, ms float64) message {
	seconds, ok := tokens["expires_in"].(float64)
	if !ok {
		return tokens
	}
	tokens = maps.Clone(tokens)
	if left := seconds - ms/1000; left > 0 {
		tokens["expires_in"] = left
	} else {
		delete(tokens, "expires_in")
		tokens["expires_at_ms"] = 1
	}
	return tokens
}

// An operation of the core that is in progress.
type task struct{ cancel context.CancelFunc }

// The caller that awaits the end of a call.
type waiter struct {
	answer chan<- outcome
	// Receives the code of a device flow; must not block; or nil.
	show func(DeviceCode)
}

// How a call ended.
type outcome struct {
	ok  json.RawMessage
	err error
}

// An effect: see ABI.md.
type effect struct {
	Effect  string          `json:"effect"`
	Op      uint64          `json:"op"`
	Call    uint32          `json:"call"`
	Session uint32          `json:"session"`
	Request uint32          `json:"request"`
	OK      json.RawMessage `json:"ok"`
	// Of done.
	Error   *errorData `json:"error"`
	Message string     `json:"message"`
	// Of a token request.
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
	// Of a store.
	Key      string   `json:"key"`
	Record   string   `json:"record"`
	Expected Expected `json:"expected"`
	Owner    string   `json:"owner"`
	// Of a refresh function.
	RefreshToken string            `json:"refresh_token"`
	Scope        *string           `json:"scope"`
	Extra        map[string]string `json:"extra"`
	// Of a sign-in on another device.
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	eventData
}

// The driver of all sessions, so that they share their refreshes.
var shared = sync.OnceValues(func() (*driver, error) { return newDriver(&systemClock{}) })

func newDriver(clock clock) (*driver, error) {
	module, err := newModule(clock.boot())
	if err != nil {
		return nil, err
	}
	return &driver{
		clock: clock, module: module,
		shared: map[string]sharedSession{}, sessions: map[uint32]*registration{}, clients: map[uint32]message{}, deadlines: map[uint32]func(*Error){}, waiting: map[uint32]waiter{}, running: map[uint64]*task{},
	}, nil
}

// A number that is not used yet.
func (d *driver) number() uint32 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.next++
	return d.next
}

// Makes a call, and waits for its end. The end of the context ends the wait, never a refresh.
func (d *driver) call(ctx context.Context, asked message, into any) error {
	return d.callShowing(ctx, asked, into, nil)
}

func (d *driver) callShowing(ctx context.Context, asked message, into any, show func(DeviceCode)) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	answer := make(chan outcome, 1)
	d.mutex.Lock()
	d.next++
	number := d.next
	d.waiting[number] = waiter{answer, show}
	asked["call"] = number
	d.turn(asked)
	d.mutex.Unlock()
	select {
	case came := <-answer:
		return came.read(into)
	case <-ctx.Done():
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, still := d.waiting[number]; still {
		delete(d.waiting, number)
		d.turn(message{"do": "cancel", "call": number})
		return context.Cause(ctx)
	}
	// The result arrived at the same moment.
	return (<-answer).read(into)
}

func (o outcome) read(into any) error {
	if o.err != nil || into == nil {
		return o.err
	}
	return json.Unmarshal(o.ok, into)
}

// Sends a message without a result.
func (d *driver) send(told message) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.turn(told)
}

// Creates a session in the core, or returns the core's error.
func (d *driver) register(made *registration) (uint32, error) {
	number := d.number()
	d.mutex.Lock()
	made.at, _ = d.clock.now()
	d.sessions[number] = made
	d.mutex.Unlock()
	err := d.call(context.Background(), message{"do": "session", "session": number, "settings": made.settings}, nil)
	if err != nil {
		d.forget(number)
	}
	return number, err
}

// Makes a call that belongs to no session.
func (d *driver) serveFor(number uint32, served *served) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.sessions[number] = &registration{served: served}
}

// Creates a client of a session in the core.
func (d *driver) registerClient(number uint32, asked message, into any) error {
	d.mutex.Lock()
	d.clients[number] = asked
	d.mutex.Unlock()
	err := d.call(context.Background(), maps.Clone(asked), into)
	if err != nil {
		d.forgetClient(number)
	}
	return err
}

func (d *driver) forgetClient(number uint32) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, known := d.clients[number]; known {
		d.turn(message{"do": "forget_client", "client": number})
		delete(d.clients, number)
	}
}

// Calls back once when a request's deadline has passed; the callback must not block.
func (d *driver) watch(request uint32, expired func(*Error)) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.deadlines[request] = expired
}

// Ends a request in the core.
func (d *driver) end(request uint32) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.deadlines, request)
	d.ended = append(d.ended, message{"do": "end", "request": request})
	if len(d.ended) == mostEnded {
		d.turn()
	}
}

// How many ended requests may wait for the next turn.
const mostEnded = 16

func (d *driver) forget(number uint32) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, known := d.sessions[number]; known {
		d.turn(message{"do": "forget", "session": number})
		delete(d.sessions, number)
	}
}

// Identifies the token that is valid now; 0: there is none. The caller holds the mutex.
func (d *driver) tag(session uint32) (tag uint64) {
	defer func() {
		if cause := recover(); cause != nil {
			d.restart(cause)
			tag = 0
		}
	}()
	mono, wall := d.clock.now()
	told := d.module.tag(session, mono, wall)
	if told>>31 != 0 {
		d.turn()
	}
	if told &= 1<<31 - 1; told == 0 {
		return 0
	}
	// A restarted core starts over with its tags.
	return d.instances<<31 | uint64(told)
}

// Runs one turn. The caller holds the mutex.
func (d *driver) turn(messages ...message) {
	if messages == nil {
		messages = []message{}
	}
	if len(d.ended) > 0 {
		messages = append(d.ended, messages...)
		d.ended = nil
	}
	told, err := d.try(messages)
	if err != nil {
		d.restart(err)
		return
	}
	d.setTimer(told.Due)
	for at := range told.Effects {
		d.carryOut(&told.Effects[at])
	}
}

func (d *driver) try(messages []message) (told said, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the core failed: %v", cause)
		}
	}()
	mono, wall := d.clock.now()
	return d.module.turn(mono, wall, messages)
}

func (d *driver) carryOut(told *effect) {
	switch told.Effect {
	case "done":
		waits, asked := d.waiting[told.Call]
		if !asked {
			return
		}
		delete(d.waiting, told.Call)
		if told.Error != nil {
			waits.answer <- outcome{err: told.Error.asError()}
		} else {
			waits.answer <- outcome{ok: told.OK}
		}
	case "event":
		if made := d.sessions[told.Session]; made != nil {
			made.served.tell(told.eventData.asEvent())
		}
	case "device":
		if waits := d.waiting[told.Call]; waits.show != nil {
			waits.show(DeviceCode{told.UserCode, told.VerificationURI, told.VerificationURIComplete})
		}
	case "expired":
		if expired := d.deadlines[told.Request]; expired != nil && told.Error != nil {
			delete(d.deadlines, told.Request)
			expired(told.Error.asError())
		}
	case "forget":
		if task := d.running[told.Op]; task != nil {
			delete(d.running, told.Op)
			task.cancel()
		}
	case "fault":
		// A bug of this package. The message contains no values.
		slog.Error("rekindle: " + told.Message)
	default:
		d.start(told)
	}
}

// Carries out an effect in a goroutine.
func (d *driver) start(told *effect) {
	made := d.sessions[told.Session]
	base := context.Background()
	if made != nil {
		base = made.served.context
	}
	ctx, cancel := context.WithCancel(base)
	task := &task{cancel}
	d.running[told.Op] = task
	ofAStore := 1
	if told.Effect == "send" || told.Effect == "login" {
		ofAStore = 0
	}
	d.storeCalls += ofAStore
	go func() {
		defer cancel()
		answer := message{"error": "maybe_sent", "unavailable": "the session is gone"}
		if made != nil {
			answer = made.served.serve(ctx, told)
		}
		d.mutex.Lock()
		defer d.mutex.Unlock()
		d.storeCalls -= ofAStore
		// The result may be for a core that has failed: its numbers are used again.
		if d.running[told.Op] == task {
			delete(d.running, told.Op)
			answer["do"], answer["op"] = "answer", told.Op
			d.turn(answer)
		}
	}()
}

// Replaces a core that failed: its instance must not be called again. The sessions are recreated and come back from their stores; calls
// in progress fail. The caller holds the mutex.
func (d *driver) restart(cause any) {
	failure := &Error{
		Kind: ErrSystem, Retryable: true,
		Message: fmt.Sprintf("the core failed and was restarted (%v); sessions come back from their stores: call again, and report this", cause),
	}
	for _, task := range d.running {
		task.cancel()
	}
	clear(d.running)
	for _, waits := range d.waiting {
		waits.answer <- outcome{err: failure}
	}
	clear(d.waiting)
	for _, expired := range d.deadlines {
		expired(failure)
	}
	clear(d.deadlines)
	d.ended = nil
	d.instances++
	module, err := newModule(d.clock.boot())
	if err != nil {
		return
	}
	d.module = module
	messages := make([]message, 0, len(d.sessions)+len(d.clients))
	for number, made := range d.sessions {
		if made.settings == nil {
			continue
		}
		d.next++
		settings := made.settings
		settings = maps.Clone(settings)
		if made.served.saved.Load() {
			// The store's tokens are newer than those that the session was created with.
			delete(settings, "tokens")
		} else if tokens, ok := settings["tokens"].(message); ok {
			now, _ := d.clock.now()
			settings["tokens"] = aged(tokens, now-made.at)
		}
		messages = append(messages, message{"do": "session", "call": d.next, "session": number, "settings": settings})
	}
	for _, asked := range d.clients {
		d.next++
		asked = maps.Clone(asked)
		asked["call"] = d.next
		messages = append(messages, asked)
	}
	told, err := d.try(messages)
	if err != nil {
		return
	}
	d.setTimer(told.Due)
	for at := range told.Effects {
		d.carryOut(&told.Effects[at])
	}
}

func (d *driver) setTimer(due *float64) {
	if d.due != nil && due != nil && *d.due == *due {
		return
	}
	if d.timer != nil {
		d.timer()
		d.timer = nil
	}
	d.due = due
	if due != nil {
		mine := due
		d.timer = d.clock.at(*due, func() { d.ring(mine) })
	}
}

func (d *driver) ring(due *float64) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	// Another timer may have replaced this one.
	if d.due == due {
		d.due, d.timer = nil, nil
		d.turn()
	}
}
