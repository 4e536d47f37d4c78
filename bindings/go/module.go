package rekindle

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"rekindle.dev/rekindle/internal/core"
)

const abiVersion = 1

// One instance of the translated module, with one core. Not safe for concurrent use.
type module struct {
	inner *core.Module
	core  int32
	// Whether the core has received the spelling of settings in Go.
	told bool
}

// `boot` identifies the boot that the monotonic clock counts from, if other processes share that clock.
func newModule(boot string) (*module, error) {
	inner := core.New()
	if version := inner.Xrekindle_abi_version(); version != abiVersion {
		return nil, misuse(fmt.Sprintf("the translated core speaks version %d, this package %d: run cargo xtask gen", version, abiVersion))
	}
	m := &module{inner: inner}
	seed := make([]byte, 32)
	// It never fails: see its documentation.
	_, _ = rand.Read(seed)
	at, name := m.write(seed), int32(0)
	if boot != "" {
		name = m.write([]byte(boot))
	}
	m.core = inner.Xrekindle_new(at, name, int32(len(boot)))
	inner.Xrekindle_free(at, int32(len(seed)))
	inner.Xrekindle_free(name, int32(len(boot)))
	clear(seed)
	return m, nil
}

// The output of a turn.
type said struct {
	Effects []effect `json:"effects"`
	Due     *float64 `json:"due_ms"`
}

func (m *module) turn(mono, wall float64, messages []message) (said, error) {
	if !m.told {
		m.told = true
		messages = append([]message{{"do": "spelling", "of": "go"}}, messages...)
	}
	input, err := json.Marshal(messages)
	if err != nil {
		return said{}, err
	}
	at := m.write(input)
	output := m.inner.Xrekindle_turn(m.core, mono, wall, at, int32(len(input)))
	m.inner.Xrekindle_free(at, int32(len(input)))
	length := uint32(m.inner.Xrekindle_output_length(m.core))
	memory := *m.inner.Xmemory().Slice()
	var told said
	err = json.Unmarshal(memory[uint32(output):uint32(output)+length], &told)
	return told, err
}

func (m *module) tag(session uint32, mono, wall float64) uint32 {
	return uint32(m.inner.Xrekindle_tag(m.core, int32(session), mono, wall))
}

func (m *module) write(bytes []byte) int32 {
	at := m.inner.Xrekindle_alloc(int32(len(bytes)))
	if at == 0 {
		panic("the core has no memory left")
	}
	// Looked up each time, because the memory may have grown.
	copy((*m.inner.Xmemory().Slice())[uint32(at):], bytes)
	return at
}
