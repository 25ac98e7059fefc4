"""The methods, one room per family: settings, recipes, values, loop and stages side by side."""
