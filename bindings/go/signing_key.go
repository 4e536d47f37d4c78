package rekindle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"regexp"
	"strings"
	"sync"
)

// SigningKey is a private key that signs for the client. As Options.ClientKey it authenticates the client (private_key_jwt, RFC 7523); as
// Options.DPoPKey tokens are bound to it, so that a stolen token can't be used (DPoP, RFC 9449). The private key never reaches the core.
type SigningKey struct {
	jwk    map[string]string
	signer crypto.Signer
	// The core writes this text in place of a signature. It is unguessable: otherwise a server could get arbitrary data signed. Two
	// values of one key have the same stand-in, because their sessions may share a state.
	standIn string
	open    *regexp.Regexp
}

var standInSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, 32)
	// It never fails: see its documentation.
	_, _ = rand.Read(secret)
	return secret
})

// NewSigningKey returns a key that signs with any crypto.Signer: a P-256, Ed25519 or RSA key of the standard library, or one in a KMS or a
// smart card. keyID is the key ID (kid) under which the server knows the key, or empty.
func NewSigningKey(signer crypto.Signer, keyID string) (*SigningKey, error) {
	jwk, err := publicJWK(signer.Public())
	if err != nil {
		return nil, err
	}
	if keyID != "" {
		jwk["kid"] = keyID
	}
	key := &SigningKey{jwk: jwk, signer: signer}
	hash := hmac.New(sha256.New, standInSecret())
	hash.Write([]byte(key.Thumbprint()))
	key.standIn = base64url(hash.Sum(nil))
	key.open = regexp.MustCompile(`([\w-]+\.[\w-]+)\.` + regexp.QuoteMeta(key.standIn))
	return key, nil
}

// GenerateSigningKey creates a new P-256 key, which is lost when the process ends.
func GenerateSigningKey() (*SigningKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return NewSigningKey(key, "")
}

// ParseSigningKey reads a private key in PEM (BEGIN PRIVATE KEY): P-256, Ed25519 or RSA. keyID is the
// key ID (kid) under which the server knows the key, or empty.
func ParseSigningKey(text []byte, keyID string) (*SigningKey, error) {
	if block, _ := pem.Decode(text); block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return NewSigningKey(signer, keyID)
			}
		}
	}
	return nil, invalid("key", "the key is not a private P-256, Ed25519 or RSA key in PEM: turn yours into PKCS #8 with `openssl pkcs8 -topk8 -nocrypt`")
}

// JWK returns the public key, for the client's registration. It contains no secret.
func (k *SigningKey) JWK() map[string]string { return maps.Clone(k.jwk) }

// Thumbprint returns the thumbprint of the public key (RFC 7638): the jkt of a bound token.
func (k *SigningKey) Thumbprint() string {
	named := map[string]string{}
	for _, name := range []string{"crv", "kty", "x", "y", "e", "n"} {
		if value, ok := k.jwk[name]; ok {
			named[name] = value
		}
	}
	// encoding/json sorts the members by name, as the RFC requires.
	text, _ := json.Marshal(named)
	sum := sha256.Sum256(text)
	return base64url(sum[:])
}

// Format shows no secret, whatever the verb.
func (k *SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "rekindle.SigningKey{..}") }

// MarshalJSON shows the public half.
func (k *SigningKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.jwk) }

// The key as a setting of the core.
func (k *SigningKey) shown() message { return message{"jwk": k.jwk, "stand_in": k.standIn} }

// Replaces each stand-in by the signature of the text before it.
func (k *SigningKey) complete(text string) (string, error) {
	if !strings.Contains(text, k.standIn) {
		return text, nil
	}
	var failed error
	completed := k.open.ReplaceAllStringFunc(text, func(found string) string {
		message := strings.TrimSuffix(found, "."+k.standIn)
		signature, err := k.sign([]byte(message))
		if err != nil {
			failed = err
		}
		return message + "." + base64url(signature)
	})
	if failed != nil {
		return "", &Error{Kind: ErrSystem, Message: fmt.Sprintf("the key could not sign (%T): see whether it is there still", failed), cause: failed}
	}
	return completed, nil
}

func (k *SigningKey) sign(text []byte) ([]byte, error) {
	if k.jwk["alg"] == "EdDSA" {
		return k.signer.Sign(rand.Reader, text, crypto.Hash(0))
	}
	digest := sha256.Sum256(text)
	signature, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil || k.jwk["alg"] != "ES256" {
		return signature, err
	}
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &numbers); err != nil {
		return nil, err
	}
	both := make([]byte, 64)
	numbers.R.FillBytes(both[:32])
	numbers.S.FillBytes(both[32:])
	return both, nil
}

func publicJWK(public crypto.PublicKey) (map[string]string, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil && key.Curve == elliptic.P256() {
			return map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "x": base64url(point[1:33]), "y": base64url(point[33:])}, nil
		}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": base64url(key)}, nil
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "alg": "RS256", "n": base64url(key.N.Bytes()), "e": base64url(big.NewInt(int64(key.E)).Bytes())}, nil
	}
	return nil, invalid("key", fmt.Sprintf("the key signs as a %T: take P-256, Ed25519 or RSA", public))
}

func base64url(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

// Adds the signatures of the session's keys to a request's headers.
func (s *served) complete(headers [][2]string) ([][2]string, error) {
	for at := range headers {
		text, err := s.completeText(headers[at][1])
		if err != nil {
			return nil, err
		}
		headers[at][1] = text
	}
	return headers, nil
}

func (s *served) completeText(text string) (string, error) {
	var err error
	for _, key := range s.keys {
		if text, err = key.complete(text); err != nil {
			return "", err
		}
	}
	return text, nil
}
