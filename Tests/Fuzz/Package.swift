// swift-tools-version: 6.2
import PackageDescription

// One libFuzzer target for each parser, built by `make fuzz` with
// `swift build -c release --sanitize fuzzer -Xswiftc -parse-as-library`.
func fuzzer(_ name: String, _ product: Target.Dependency) -> Target {
    .executableTarget(
        name: name, dependencies: [product], swiftSettings: [.enableUpcomingFeature("ExistentialAny")])
}

let formats = Target.Dependency.product(name: "RedrafterTesting", package: "redrafter")

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "redrafter", path: "../..")],
    targets: [
        fuzzer("FuzzGGUF", formats),
        fuzzer("FuzzSafetensors", formats),
        fuzzer("FuzzJSON", formats),
        fuzzer("FuzzTokenizerJSON", formats),
        fuzzer("FuzzTokenizerMetadata", formats),
        fuzzer("FuzzConfiguration", formats),
        fuzzer("FuzzTemplate", .product(name: "RedrafterTemplates", package: "redrafter")),
    ],
    swiftLanguageModes: [.v6]
)
