print("redrafter")
