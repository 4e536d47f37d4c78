internal import RekindleFFI

/// A private key that signs who the client is (`private_key_jwt`, RFC 7523), or that a token is its own (DPoP, RFC 9449).
public final class SigningKey: Sendable {
    let native: RekindleFFI.SigningKey

    /// Reads a private key in PEM (PKCS #8 or PKCS #1).
    ///
    /// - Parameters:
    ///   - pem: The key.
    ///   - keyID: The name under which the server knows it.
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if it is no private key of a kind that can sign here.
    public init(pem: String, keyID: String? = nil) throws {
        native = try translated { try RekindleFFI.SigningKey.fromPem(pem: pem, keyId: keyID) }
    }

    private init(_ native: RekindleFFI.SigningKey) {
        self.native = native
    }

    /// Makes a new P-256 key, and its PEM: keep that where secrets are kept, tokens bound to the key need it.
    public static func generate() throws -> (key: SigningKey, pem: String) {
        let made = try translated { try generateSigningKey() }
        return (SigningKey(made.key), made.pem)
    }

    /// Its public half, as a JSON Web Key.
    public var jwk: String { native.jwk() }

    /// The thumbprint of its public half (RFC 7638).
    public var thumbprint: String { native.thumbprint() }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// The thumbprint of its public half.
    public var description: String { native.debugDescription }
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
