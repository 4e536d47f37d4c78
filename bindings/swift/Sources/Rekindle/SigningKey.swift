internal import RekindleFFI

/// A private key for client assertions (`private_key_jwt`, RFC 7523) or DPoP proofs (RFC 9449).
public final class SigningKey: Sendable {
    let native: RekindleFFI.SigningKey

    /// Reads a private key in PEM (PKCS #8 or PKCS #1).
    ///
    /// - Parameters:
    ///   - pem: The key.
    ///   - keyID: The key's `kid` at the server.
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if it is not a private key of a supported type.
    public init(pem: String, keyID: String? = nil) throws {
        native = try translated { try RekindleFFI.SigningKey.fromPem(pem: pem, keyId: keyID) }
    }

    private init(_ native: RekindleFFI.SigningKey) {
        self.native = native
    }

    /// Generates a P-256 key, and returns it with its PEM. Store the PEM as a secret: tokens bound to the key need it.
    public static func generate() throws -> (key: SigningKey, pem: String) {
        let made = try translated { try generateSigningKey() }
        return (SigningKey(made.key), made.pem)
    }

    /// The public key, as a JSON Web Key.
    public var jwk: String { native.jwk() }

    /// The thumbprint of the public key (RFC 7638).
    public var thumbprint: String { native.thumbprint() }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    /// The thumbprint of the public key.
    public var description: String { native.debugDescription }
    /// Empty.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
