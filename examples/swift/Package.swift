// swift-tools-version:6.0

import PackageDescription

let programs = ["rest_json", "authenticated_fetch", "oauth", "graphql"]

let package = Package(
    name: "examples",
    platforms: [.macOS(.v13)],
    // In an app: `.package(url: .., from: ..)`. Here, and for the tests, the package beside it.
    dependencies: [.package(name: "rekindle", path: Context.environment["REKINDLE_PACKAGE"] ?? "../../bindings/swift")],
    targets: programs.map { name in
        .executableTarget(name: name, dependencies: [.product(name: "Rekindle", package: "rekindle")])
    },
    swiftLanguageModes: [.v6]
)
