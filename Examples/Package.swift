// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "redrafter-examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "redrafter", path: "..")],
    targets: [
        .executableTarget(
            name: "EmbedModel", dependencies: [.product(name: "Redrafter", package: "redrafter")]),
        .executableTarget(
            name: "ChatProgram", dependencies: [.product(name: "Redrafter", package: "redrafter")]),
        .target(
            name: "BigramDrafter", dependencies: [.product(name: "RedrafterCore", package: "redrafter")]),
        .target(
            name: "ThresholdTree", dependencies: [.product(name: "RedrafterCore", package: "redrafter")]),
        .executableTarget(
            name: "OwnRedrafter",
            dependencies: [
                "BigramDrafter", "ThresholdTree", .product(name: "Redrafter", package: "redrafter"),
                .product(name: "RedrafterCommands", package: "redrafter"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
