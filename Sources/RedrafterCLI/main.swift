import RedrafterCommands

RedrafterCommand.main(Plugins.standard)
