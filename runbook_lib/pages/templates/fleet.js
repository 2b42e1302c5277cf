
"use strict";
(() => {
  const part = (id) => document.getElementById(id);
  const form = part("filter"), all = [...document.querySelectorAll("details.application")];

  function shown() {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const level = form.level.value, risk = form.risk.value;
    let count = 0;
    for (const one of all) {
      const fits = (!level || one.dataset.level === level) && (!risk || one.dataset.risk === risk)
        && words.every((word) => one.dataset.text.includes(word));
      one.hidden = !fits;
      count += fits;
    }
    part("shown").textContent = count === all.length ? all.length + " applications" : count + " of " + all.length + " applications";
  }

  form.addEventListener("input", shown);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  shown();
})();
