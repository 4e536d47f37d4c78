package rekindle

import (
	"context"
	"slices"
)

// SignedIn describes a user who signed in.
type SignedIn struct {
	Session *Session
	// Key identifies the user, for App.Session.
	Key      string
	ReturnTo string
}

// BeginSignIn is Session.BeginSignIn for a user who is not yet known.
func (a *App) BeginSignIn(ctx context.Context, options SignInOptions) (BegunSignIn, error) {
	anonymous, err := a.anybody()
	if err != nil {
		return BegunSignIn{}, err
	}
	return anonymous.BeginSignIn(ctx, options)
}

// FinishSignIn is like Session.FinishSignIn, but returns the session of the user who signed in, under key. If key is empty and the
// scope has openid, the server's subject identifier (sub) is the key.
func (a *App) FinishSignIn(ctx context.Context, pending, callback, key string) (SignedIn, error) {
	anonymous, err := a.anybody()
	if err == nil {
		err = a.checkKey(key)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return a.redeem(ctx, anonymous, pending, callback, key)
}

// SignInWithBrowser is like Session.SignInWithBrowser, but returns the user's session, as FinishSignIn does.
func (a *App) SignInWithBrowser(ctx context.Context, key string, options SignInOptions) (signedIn SignedIn, err error) {
	anonymous, err := a.anybody()
	if err == nil {
		err = a.checkKey(key)
	}
	if err != nil {
		return SignedIn{}, err
	}
	err = anonymous.withBrowser(ctx, options, func(pending, callback string) (err error) {
		signedIn, err = a.redeem(ctx, anonymous, pending, callback, key)
		return err
	})
	return signedIn, err
}

// Accounts returns the sorted keys of all signed-in users. The store must implement StoreLister.
func (a *App) Accounts(ctx context.Context) ([]string, error) {
	store, ok := a.options.Store.(StoreLister)
	if !ok {
		return nil, invalid("store", "this store cannot list its keys: give it the method Keys, or keep a list of your own")
	}
	keys, err := store.Keys(ctx)
	if err != nil {
		reason := withoutSecrets(err.Error())
		return nil, &Error{Kind: ErrStoreUnavailable, Message: "the store cannot be read now: " + reason, Retryable: true, cause: err}
	}
	var accounts []string
	for _, key := range keys {
		session, err := a.Session(key)
		if err != nil {
			return nil, err
		}
		status, err := session.FreshStatus(ctx)
		if err != nil {
			return nil, err
		}
		// A sign-out leaves a record that says so.
		if status.Standing != "signed_out" {
			accounts = append(accounts, key)
		}
	}
	slices.Sort(accounts)
	return accounts, nil
}

// Remove signs the user out and asks the server to revoke the tokens.
func (a *App) Remove(ctx context.Context, key string) (Revocation, error) {
	session, err := a.Session(key)
	if err != nil {
		return "", err
	}
	return session.SignOutAndRevoke(ctx)
}

func (a *App) anybody() (*Session, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.closed {
		return nil, misuse("this app was closed: make a new one")
	}
	if a.anonymous != nil {
		return a.anonymous, nil
	}
	own := a.options
	own.Store, own.Key, own.Alone, own.Login = nil, "anybody", true, nil
	anonymous, err := newSession(own, a.driver, nil)
	a.anonymous = anonymous
	return anonymous, err
}

// An invalid key is reported before the code is used.
func (a *App) checkKey(key string) error {
	if key == "" {
		return nil
	}
	_, err := a.Session(key)
	return err
}

func (a *App) redeem(ctx context.Context, anonymous *Session, pending, callback, key string) (SignedIn, error) {
	var told struct {
		Redeemed uint64 `json:"redeemed"`
		Key      string `json:"key"`
		ReturnTo string `json:"return_to"`
	}
	asked := message{"do": "redeem", "pending": pending, "callback": callback}
	if key != "" {
		asked["key"] = key
	}
	if err := anonymous.call(ctx, asked, &told); err != nil {
		return SignedIn{}, err
	}
	session, err := a.Session(told.Key)
	if err != nil {
		return SignedIn{}, err
	}
	err = session.call(ctx, message{"do": "take_redeemed", "redeemed": told.Redeemed}, nil)
	return SignedIn{session, told.Key, told.ReturnTo}, err
}
