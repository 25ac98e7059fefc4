// A figure with controls: each combination of their values is a state, and the script shows one.
((key, player) => {
  for (const figure of document.querySelectorAll(`[data-moving="${key}"]:not([data-ready])`)) {
    figure.dataset.ready = "";
    figure.querySelector(".ltdd-still").outerHTML = player; // where no script runs, the still stays
    const all = what => [...figure.querySelectorAll(what)];
    const controls = all("input, select"), [said] = all("output"), [button] = all("button");
    const size = c => (c.options ? c.options.length : +c.max + 1);
    const at = c => (c.options ? c.selectedIndex : +c.value);
    const words = JSON.parse(said.dataset.states);

    const show = () => {
      const index = controls.reduce((sum, c) => sum * size(c) + at(c), 0);
      figure.dataset.state = index;
      said.textContent = words[index];
      for (const c of controls.filter(c => !c.options)) {
        const word = JSON.parse(c.dataset.names)[at(c)], beside = c.nextElementSibling;
        c.setAttribute("aria-valuetext", word);
        if (beside) beside.textContent = word;
      }
      all(".ltdd-screen img").forEach(e => { e.style.transform = `translateY(${(-100 * index) / words.length}%)`; });
      all(".ltdd-state").forEach((e, i) => { e.style.display = i === index ? "inline" : "none"; });
      all("[data-points]").forEach(e => {
        const [x, y] = e.dataset.points.split(" ")[index].split(",");
        e.setAttribute("cx", x);
        e.setAttribute("cy", y);
      });
    };
    controls.forEach(c => c.addEventListener("input", () => { stop(); show(); }));

    let timer = 0;
    const named = word => { if (button) button.textContent = word; };
    const stop = () => { clearInterval(timer); timer = 0; named("Play"); };
    const step = () => {
      const [time] = controls;
      if (at(time) + 1 >= size(time)) return stop();
      time.value = at(time) + 1;
      show();
    };
    const play = () => {
      const [time] = controls;
      if (at(time) + 1 >= size(time)) time.value = 0;
      show();
      named("Pause");
      timer = setInterval(step, Math.max(100, 6000 / size(time)));
    };
    if (button) button.addEventListener("click", () => (timer ? stop() : play()));
    show();
    // Nothing moves by itself for who asked for less motion; what they start themselves does.
    if ("auto" in figure.dataset && !matchMedia("(prefers-reduced-motion: reduce)").matches) play();
  }
})
