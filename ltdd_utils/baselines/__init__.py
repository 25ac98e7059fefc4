"""Methods that the two papers compare with. Here: coresets of real images, and the whole training set."""
