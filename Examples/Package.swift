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
            name: "ManySessions",
            dependencies: [
                .product(name: "Redrafter", package: "redrafter"),
                .product(name: "RedrafterServing", package: "redrafter"),
            ]),
        .executableTarget(
            name: "ChatProgram", dependencies: [.product(name: "Redrafter", package: "redrafter")]),
        .target(
            name: "BigramDrafter", dependencies: [.product(name: "RedrafterCore", package: "redrafter")]),
        .target(
            name: "ThresholdTree", dependencies: [.product(name: "RedrafterCore", package: "redrafter")]),
        .executableTarget(
            name: "OwnRedrafter",
            dependencies: [
                "BigramDrafter", "PairDrafter", "PairTraining", "ThresholdTree",
                .product(name: "Redrafter", package: "redrafter"),
                .product(name: "RedrafterCommands", package: "redrafter"),
            ]),
        .target(
            name: "PairDrafter",
            dependencies: [
                .product(name: "RedrafterCore", package: "redrafter"),
                .product(name: "RedrafterFormats", package: "redrafter"),
                .product(name: "DrafterHeads", package: "redrafter"),
            ]),
        .target(
            name: "PairTraining",
            dependencies: ["PairDrafter", .product(name: "RedrafterTraining", package: "redrafter")]),
        .executableTarget(
            name: "CheckPairDrafter",
            dependencies: [
                "PairDrafter", "PairTraining", .product(name: "RedrafterTesting", package: "redrafter"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
