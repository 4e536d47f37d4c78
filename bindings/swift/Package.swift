// swift-tools-version:6.0

import Foundation
import PackageDescription

// The native library: a packaged package has it beside this file, as an XCFramework for Apple's systems or as `lib`
// for Linux. In a checkout it is cargo's, and whoever builds names its folder.
let here = Context.packageDirectory
let framework = "CRekindleFFI.xcframework"
let isFramework = FileManager.default.fileExists(atPath: "\(here)/\(framework)")
let library = Context.environment["REKINDLE_LIBRARY_DIR"] ?? "\(here)/lib"
let native: Target =
    isFramework
    ? .binaryTarget(name: "CRekindleFFI", path: framework)
    : .systemLibrary(name: "CRekindleFFI")
let linking: [LinkerSetting] =
    isFramework
    ? []
    : [
        .unsafeFlags(["-L\(library)", "-Xlinker", "-rpath", "-Xlinker", library]),
        .linkedLibrary("rekindle_uniffi"),
    ]

// Only a checkout has tests, and what compares us with others.
let isCheckout = FileManager.default.fileExists(atPath: "\(here)/Tests")
let tests: [Target] = [
    .target(name: "TestSupport", dependencies: ["Rekindle"], path: "Tests/TestSupport"),
    .executableTarget(name: "SecondProcess", dependencies: ["Rekindle"], path: "Tests/SecondProcess"),
    .executableTarget(name: "Compare", dependencies: ["Rekindle", "TestSupport"], path: "Tests/Compare"),
    .testTarget(name: "RekindleTests", dependencies: ["Rekindle", "RekindleFFI", "TestSupport", "SecondProcess"]),
    .testTarget(name: "ConformanceTests", dependencies: ["Rekindle", "TestSupport"]),
]

let package = Package(
    name: "rekindle",
    platforms: [.macOS(.v13), .iOS(.v16), .tvOS(.v16), .watchOS(.v9), .visionOS(.v1)],
    products: [.library(name: "Rekindle", targets: ["Rekindle"])],
    targets: [
        native,
        // Generated. In mode 6 the 6.0 compilers crash on the traits that hosts implement, so it is a target of its own.
        .target(
            name: "RekindleFFI", dependencies: ["CRekindleFFI"],
            swiftSettings: [.swiftLanguageMode(.v5)], linkerSettings: linking),
        .target(name: "Rekindle", dependencies: ["RekindleFFI"]),
    ] + (isCheckout ? tests : []),
    swiftLanguageModes: [.v6]
)
