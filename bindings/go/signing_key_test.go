package rekindle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Whether a JWT was signed by that key.
func isSignedBy(token string, public crypto.PublicKey) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	text := []byte(parts[0] + "." + parts[1])
	digest := sha256.Sum256(text)
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return err == nil && len(signature) == 64 && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case ed25519.PublicKey:
		return err == nil && ed25519.Verify(key, text, signature)
	}
	return false
}

func claims(token string) (read map[string]any) {
	text, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	_ = json.Unmarshal(text, &read)
	return read
}

// spec 9.4, 5.5
func TestKeysOfEveryKindSignForTheClientAndBindItsTokens(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	for _, signer := range []crypto.Signer{ec, rsaKey, ed} {
		der, err := x509.MarshalPKCS8PrivateKey(signer)
		must(t, err)
		key, err := ParseSigningKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "k1")
		must(t, err)
		var mutex sync.Mutex
		var assertion string
		proofs := map[string]string{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mutex.Lock()
			defer mutex.Unlock()
			proofs[r.URL.Path] = r.Header.Get("DPoP")
			if r.URL.Path == "/token" {
				_ = r.ParseForm()
				assertion = r.Form.Get("client_assertion")
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","token_type":"DPoP","expires_in":3600}`)
			}
		}))
		session, err := NewSession(Options{TokenURL: server.URL + "/token", ClientID: "app", Origins: []string{server.URL}, Tokens: expired(), ClientKey: key, DPoPKey: key, Alone: true})
		must(t, err)
		client, err := NewClient(session, ClientOptions{BaseURL: server.URL})
		must(t, err)
		for range 2 {
			response, err := session.Client().Get(server.URL + "/data")
			must(t, err)
			response.Body.Close()
			must(t, client.Get(t.Context(), "/client", nil))
		}
		mutex.Lock()
		if !isSignedBy(assertion, signer.Public()) || claims(assertion)["sub"] != "app" {
			t.Errorf("%T: %s", signer, assertion)
		}
		for path, proof := range proofs {
			if !isSignedBy(proof, signer.Public()) || claims(proof)["htu"] != server.URL+path {
				t.Errorf("%T %s: %s", signer, path, proof)
			}
		}
		mutex.Unlock()
		must(t, session.Close())
		server.Close()
	}
}

// The example of RFC 7638.
func TestAThumbprintIsTheOneOfTheStandard(t *testing.T) {
	key := SigningKey{jwk: map[string]string{"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}}
	if print := key.Thumbprint(); print != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(print)
	}
}

func TestAKeyIsNoText(t *testing.T) {
	key, err := GenerateSigningKey()
	must(t, err)
	shown := fmt.Sprintf("%v %+v %#v %s", key, key, key, asJSON(key))
	if strings.Contains(shown, key.standIn) {
		t.Error(shown)
	}
	if _, err := ParseSigningKey([]byte("nonsense"), ""); err == nil {
		t.Error("nonsense is a key")
	}
}

// spec 4.2
func TestSessionsThatShareAStateMayEachReadTheirKey(t *testing.T) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	must(t, err)
	var proofs []string
	var mutex sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		proofs = append(proofs, r.Header.Get("DPoP"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","token_type":"DPoP","expires_in":3600}`)
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "session.json")
	open := func() *Session {
		key, err := ParseSigningKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "")
		must(t, err)
		session, err := NewSession(Options{TokenURL: server.URL + "/token", ClientID: "app", Origins: []string{server.URL}, Tokens: expired(), DPoPKey: key, Store: NewFileStore(path)})
		must(t, err)
		return session
	}
	first, second := open(), open()
	for range 2 {
		for _, session := range []*Session{first, second} {
			session.Invalidate()
			response, err := session.Client().Get(server.URL + "/data")
			must(t, err)
			response.Body.Close()
		}
	}
	must(t, first.Close())
	// What the first one began goes on without it.
	second.Invalidate()
	response, err := second.Client().Get(server.URL + "/data")
	must(t, err)
	response.Body.Close()
	must(t, second.Close())
	if len(proofs) != 10 {
		t.Errorf("%d requests", len(proofs))
	}
	for _, proof := range proofs {
		if !isSignedBy(proof, signer.Public()) {
			t.Error(proof)
		}
	}
}

func TestATokenThatIsNotBoundIsAnErrorUnlessItIsAllowed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"AT-2","refresh_token":"RT-2","token_type":"Bearer","expires_in":3600}`)
	}))
	defer server.Close()
	key, err := GenerateSigningKey()
	must(t, err)
	for _, one := range []struct {
		required *bool
		refused  bool
	}{{nil, true}, {new(true), true}, {new(false), false}} {
		session, err := NewSession(Options{TokenURL: server.URL + "/token", ClientID: "app", Tokens: expired(), DPoPKey: key, RequireDPoP: one.required, Alone: true})
		must(t, err)
		_, err = session.Token(t.Context())
		if refused := err != nil; refused != one.refused {
			t.Error(one, err)
		}
		must(t, session.Close())
	}
}
