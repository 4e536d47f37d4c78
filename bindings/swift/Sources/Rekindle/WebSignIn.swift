#if canImport(AuthenticationServices) && !os(watchOS) && !os(tvOS)
    import AuthenticationServices
    import Foundation

    extension Session {
        /// Signs in with the system's web sign-in sheet (`ASWebAuthenticationSession`): the app sees neither the page nor the
        /// password, and only the sheet that it opened can return the callback.
        ///
        /// ```swift
        /// let request = SignInRequest(redirectURI: "com.example.app:/callback", scope: "openid")
        /// try await session.signIn(request, presentedFrom: window)
        /// ```
        ///
        /// - Parameters:
        ///   - request: The sign-in's parameters. The redirect URI has the app's own scheme or (iOS 17.4, macOS 14.4) https.
        ///   - anchor: The window that the sheet belongs to.
        ///   - ephemeral: Whether the sheet ignores existing sign-ins of the system's browser.
        @MainActor
        public func signIn(
            _ request: SignInRequest, presentedFrom anchor: ASPresentationAnchor, ephemeral: Bool = false
        ) async throws {
            let begun = try await beginSignIn(request)
            let callback = try await WebSignIn(anchor).callback(of: begun, ephemeral: ephemeral)
            try await finishSignIn(pending: begun.pending, callback: callback.absoluteString)
        }
    }

    /// One sign-in sheet.
    @MainActor
    private final class WebSignIn: NSObject, ASWebAuthenticationPresentationContextProviding {
        private let anchor: ASPresentationAnchor
        private var sheet: ASWebAuthenticationSession?

        init(_ anchor: ASPresentationAnchor) {
            self.anchor = anchor
        }

        func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor {
            anchor
        }

        func callback(of begun: BegunSignIn, ephemeral: Bool) async throws -> URL {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let sheet = make(begun) { url, error in
                        continuation.resume(with: Self.result(url, error))
                    }
                    guard let sheet else {
                        let what =
                            "redirectURI: must be of the app's own scheme here, such as com.example.app:/callback"
                        return continuation.resume(throwing: RekindleError(.invalidConfig, what))
                    }
                    sheet.presentationContextProvider = self
                    sheet.prefersEphemeralWebBrowserSession = ephemeral
                    self.sheet = sheet
                    if !sheet.start() {
                        let what = "the system shows no sheet for signing in: call it while the app is in front"
                        continuation.resume(throwing: RekindleError(.misuse, what))
                    }
                }
            } onCancel: {
                Task { @MainActor in self.sheet?.cancel() }
            }
        }

        private func make(
            _ begun: BegunSignIn, _ done: @escaping @Sendable (URL?, (any Error)?) -> Void
        ) -> ASWebAuthenticationSession? {
            guard let uri = URL(string: begun.redirectURI), let scheme = uri.scheme else { return nil }
            guard scheme == "https" else {
                return ASWebAuthenticationSession(
                    url: begun.url, callbackURLScheme: scheme, completionHandler: done)
            }
            guard #available(iOS 17.4, macOS 14.4, visionOS 1.1, *), let host = uri.host else { return nil }
            return ASWebAuthenticationSession(
                url: begun.url, callback: .https(host: host, path: uri.path), completionHandler: done)
        }

        private nonisolated static func result(_ url: URL?, _ error: (any Error)?) -> Result<URL, any Error> {
            if let url { return .success(url) }
            if let error = error as? ASWebAuthenticationSessionError, error.code == .canceledLogin {
                return .failure(RekindleError(.loginRequired, "the user closed the sheet: ask again when they want to"))
            }
            return .failure(RekindleError(.misuse, "the system's sheet for signing in failed: \(type(of: error))"))
        }
    }
#endif
