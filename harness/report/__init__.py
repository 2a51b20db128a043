"""Looking at results: pictures of what trained models draw, and the HTML page of a results folder."""
