package com.example.billing.web;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.SessionAttributes;

@Controller
@SessionAttributes({"basket", "voucher"})
public class BasketController {

    private static final Map<String, LoginUser> ONLINE_USERS = new ConcurrentHashMap<>();
    private static final Map<String, Price> PRICES = new ConcurrentHashMap<>();

    @PostMapping("/basket")
    public String add(HttpServletRequest request, String sku) {
        HttpSession session = request.getSession();
        session.setAttribute("basket", Basket.with(session.getAttribute("basket"), sku));
        request.setAttribute("message", "added");
        return "basket";
    }

    @GetMapping("/basket")
    public String show(HttpServletRequest request, Model model) {
        HttpSession session = request.getSession(false);
        model.addAttribute("basket", session == null ? null : session.getAttribute("basket"));
        // session.setAttribute("seen", true) was dropped in 2.4
        return "basket";
    }

    @PostMapping("/login")
    public String login(HttpServletRequest req, LoginUser user) {
        req.getSession(true).setAttribute("user", user);
        ONLINE_USERS.put(user.name(), user);
        return "redirect:/data/orders/";
    }
}
