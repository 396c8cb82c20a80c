// A program that embeds a model names messages, sampling parameters and telemetry, too: one import is enough.
@_exported import RedrafterCore
@_exported import RedrafterModels
